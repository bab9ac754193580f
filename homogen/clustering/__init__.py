"""Which answers say the same: N answers to N labels, and how often one label is all there is.

Everything takes a list of questions, a matrix, a list of answers or a row of labels each; a question alone is a list of
one. Labels are whole numbers from 0 in order of first appearance; -1 is a missing answer, which belongs to no
cluster. A single-cluster rate is a property of the answers *and* of the way they were clustered: report it with its
similarity, threshold and linkage, or with its NLI model and rule. ``linkage`` clusters similarities, ``entailment``
asks an NLI model, and ``rates`` says what came out.

An argument of the wrong kind or out of range is a :class:`~homogen.records.BadInput`, one line that names the question
and the mend: labels that are not whole numbers from -1, two clusterings of other questions or answers, a matrix that is
not square, symmetric, in range and 1 on its diagonal, or NaN in a part of a row.
"""

from homogen.clustering.entailment import RULES, cluster_nli, membership_nli
from homogen.clustering.linkage import LINKAGES, cluster
from homogen.clustering.rates import (
    adjusted_rand_index,
    alignment_tax,
    confirmed_single_cluster_rate,
    is_single_cluster,
    mean_number_of_clusters,
    single_cluster_rate,
)
from homogen.records.exports import public as _public

__all__ = _public(globals())
