"""Every metric has a name that MLflow takes, whatever its class is called."""

import pytest

from sweeper.tracking.metric_names import metric_key


@pytest.mark.parametrize(
    "name", ["validation/accuracy", "best/weights/true_class", "test/f1/so so", "test/f1/Sci/Tech"]
)
def test_a_name_that_mlflow_takes_stays(name: str) -> None:
    assert metric_key(name) == name


@pytest.mark.parametrize(
    ("class_name", "key"),
    [("what?", "what_"), ("a//b/", "a/_/b/_"), ("..", "_"), ("😀", "_"), ("`x`", "_x_"), ("naïve", "naïve")],
)
def test_what_mlflow_refuses_becomes_an_underscore(class_name: str, key: str) -> None:
    assert metric_key(f"validation/f1/{class_name}") == f"validation/f1/{key}"
    assert len(metric_key(f"validation/f1/{class_name * 300}")) <= 250
