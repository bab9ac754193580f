"""Questions + spec + engine -> run: ``drawing`` draws what a run lacks, ``store`` keeps what it has."""

from homogen.sampling.drawing import ENGINES, PATIENCE, Engine, engine_kind, engine_of, forget, sample

__all__ = ["ENGINES", "PATIENCE", "Engine", "engine_kind", "engine_of", "forget", "sample"]
