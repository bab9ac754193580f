"""Which answers say the same: N answers to N labels, and how often one label is all there is.

Labels are whole numbers from 0 in order of first appearance; -1 is a missing answer, which belongs to no
cluster. A single-cluster rate is a property of the answers *and* of the way they were clustered: report it with its
similarity, threshold and linkage, or with its NLI model and rule.
"""

from homogen.clustering.entailment import RULES, cluster_nli, cluster_nli_batch, membership_nli, membership_nli_batch
from homogen.clustering.linkage import LINKAGES, cluster, cluster_batch
from homogen.clustering.rates import (
    adjusted_rand_index,
    alignment_tax,
    confirmed_single_cluster_rate,
    is_single_cluster,
    mean_number_of_clusters,
    single_cluster_rate,
)

__all__ = [
    "LINKAGES",
    "RULES",
    "adjusted_rand_index",
    "alignment_tax",
    "cluster",
    "cluster_batch",
    "cluster_nli",
    "cluster_nli_batch",
    "confirmed_single_cluster_rate",
    "is_single_cluster",
    "mean_number_of_clusters",
    "membership_nli",
    "membership_nli_batch",
    "single_cluster_rate",
]
