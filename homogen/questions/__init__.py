"""What to ask: benchmarks and files of your own as lists of :class:`~homogen.records.Question`.

``catalogue`` knows the benchmarks, ``readers`` their formats, ``sources`` where public files are and what they must be.
"""

from homogen.questions.catalogue import BENCHMARKS, Benchmark, benchmarks, load_questions, question_sha

__all__ = ["BENCHMARKS", "Benchmark", "benchmarks", "load_questions", "question_sha"]
