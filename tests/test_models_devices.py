"""Devices: what the processor is told before torch multiplies. What is picked and named is in test_models_load."""

import pytest

from homogen.models.devices import tune


@pytest.fixture
def processor(tmp_path, monkeypatch):
    """Where a system describes a processor of some maker."""
    monkeypatch.setenv("MKL_CBWR", "as it was")  # so that what is set below is put back
    monkeypatch.delenv("MKL_CBWR")

    def made_by(maker):
        path = tmp_path / "cpuinfo"
        path.write_text(f"processor\t: 0\nvendor_id\t: {maker}\nflags\t\t: fpu avx2\n")
        return str(path)

    return made_by


def test_mkl_takes_its_avx2_code_on_amds_processors_alone(processor, monkeypatch):
    import os

    tune(processor("GenuineIntel"))
    tune("/nowhere/cpuinfo")
    assert "MKL_CBWR" not in os.environ
    tune(processor("AuthenticAMD"))
    assert os.environ["MKL_CBWR"] == "AVX2"
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")  # what the user has set stays
    tune(processor("AuthenticAMD"))
    assert os.environ["MKL_CBWR"] == "COMPATIBLE"
