"""The files in cluster/, read once for all tests of them."""

import yaml

from tests.conftest import ROOT

CLUSTER = ROOT / "cluster"
README = (CLUSTER / "README.md").read_text(encoding="utf-8")
AWS = yaml.safe_load((CLUSTER / "aws.yaml").read_text())
VOLUME, RAYCLUSTER, RAYJOB = (
    yaml.safe_load((CLUSTER / "kuberay" / f"{name}.yaml").read_text()) for name in ("volume", "raycluster", "rayjob")
)
HEALTH = {"period_ms": "1000", "timeout_ms": "2000", "failure_threshold": "5"}  # a silent node is given up after 15 s
