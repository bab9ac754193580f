"""Cheapest first: boundaries in a row, each of which flags an answer, clears it, or passes it on.

A boundary is a score with a price. Run side by side, all of them are paid for every question; run in a row, a dear one
is paid only where the cheaper ones before it were of two minds. Two numbers are both called savings and are not the
same: the *share of parallel cost* that a cascade still costs, and the *share of calls to a stage that it saves*. Here
both come from one and the same operating point, and so does the AUROC beside them.

A score is a number a question, higher = less certain; ``wrong`` is true where the answer is wrong. Thresholds that were
chosen on the questions on which they are then judged flatter themselves, so :func:`cross_validate` chooses them inside
training folds, and sets the cascade beside what it must beat: every boundary alone, all in parallel, and a cascade that
passes on as many questions but picks them by lot.

The paper's five boundaries, in order of cost, are scores of :mod:`homogen.uncertainty`: B1 fluency is
``mean_entropy`` of the answer's tokens, B2 density ``embedding_density``, B3 freshness ``freshness``, B4 association
``entity_association``, B5 grounding ``grounding``. What they cost is for the user to say.

``boundary`` runs boundaries, ``fit`` chooses whom to pass on, ``validation`` judges that; ``mixture`` and ``pointer``
are the paper's own ways to mix two scores and to pick one.

Lengths that differ, scores that are infinite, and arguments of the wrong kind or out of range are a
:class:`~homogen.records.BadInput`, one line that names the thing and the mend.
"""

from homogen.cascade.boundary import Boundary, CascadeResult, cascade_cost, run_cascade
from homogen.cascade.fit import FittedCascade, fit_cascade
from homogen.cascade.mixture import DELTAS, WEIGHTS, MixtureCascade, mixture, mixture_cascade, mixture_curve
from homogen.cascade.pointer import learned_pointer, pointer_features
from homogen.cascade.validation import SHARES, CrossValidated, cost_curve, cross_validate, pareto_front
from homogen.records.exports import public as _public

__all__ = _public(globals())
