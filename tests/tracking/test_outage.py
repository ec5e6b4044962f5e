"""Errors of MLflow, and of the libraries below it: which are outages, and how they are described."""

from typing import Any

import pytest
import requests
from urllib3.exceptions import MaxRetryError
from urllib3.response import HTTPResponse
from urllib3.util.retry import Retry

from sweeper.tracking.outage import describe_error, http_status, is_transient

STATUSES = [400, 403, 404, 413, 429, 500, 501, 502, 503, 504]
OUTAGES = [429, 500, 502, 503, 504]


def answer(status: int, body: str = "") -> requests.Response:
    """Return an answer of a server."""
    response = requests.Response()
    response.status_code, response.url, response._content = status, "http://host/api", body.encode()
    return response


def requests_error(status: int) -> Exception:
    with pytest.raises(requests.HTTPError) as error:
        answer(status).raise_for_status()
    return error.value


def urllib3_error(status: int) -> Exception:
    with pytest.raises(MaxRetryError) as error:
        Retry(0).increment("GET", "/api", HTTPResponse(status=status))
    return requests.exceptions.RetryError(error.value)


def mlflow_error(status: int) -> Exception:
    from mlflow.exceptions import MlflowException
    from mlflow.utils.rest_utils import verify_rest_response

    with pytest.raises(MlflowException) as error:
        verify_rest_response(answer(status, "<html>\n"), "/api/2.0/mlflow/runs/get")
    raised: Exception = error.value
    return raised


def mlflow_error_that_quotes_urllib3(status: int) -> Exception:
    from mlflow.exceptions import MlflowException

    quoting: Exception = MlflowException(
        f"API request to http://host/api failed with exception {urllib3_error(status)}"
    )
    return quoting


def mlflow_upload_error(status: int) -> Exception:
    from mlflow.utils.request_utils import augmented_raise_for_status

    with pytest.raises(requests.HTTPError) as error:
        augmented_raise_for_status(answer(status, "<html>\n"))
    return error.value


def error_of_a_proxy_that_answers_json(status: int) -> Exception:
    from mlflow.exceptions import RestException

    error: Exception = RestException({"error_code": status, "message": "no route to MLflow"})
    return error


@pytest.mark.mlflow
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(
    "make",
    [
        requests_error,
        urllib3_error,
        mlflow_error,
        mlflow_error_that_quotes_urllib3,
        mlflow_upload_error,
        error_of_a_proxy_that_answers_json,
    ],
)
def test_a_status_is_found_in_every_form_in_which_an_error_has_it(make: Any, status: int) -> None:
    error = make(status)
    assert http_status(error) == status
    assert is_transient(error) == (status in OUTAGES)
    assert describe_error(error) == f"answers {status}"


@pytest.mark.parametrize("make", [requests_error, urllib3_error])
def test_a_status_is_found_in_the_cause_of_an_error(make: Any) -> None:
    error = ValueError("the file cannot be sent")
    error.__cause__ = make(503)
    assert (http_status(error), is_transient(error)) == (503, True)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("An error occurred (503) when calling the HeadObject operation: Service Unavailable", 503),
        ("503 POST https://storage.googleapis.com/upload: ('Request failed with status code', 503)", 503),
    ],
)
def test_a_status_is_found_in_the_errors_of_file_stores(text: str, status: int) -> None:
    assert http_status(Exception(text)) == status


@pytest.mark.parametrize(
    "text",
    [
        "RESOURCE_DOES_NOT_EXIST: No Experiment with id=503 exists",
        "INVALID_PARAMETER_VALUE: 'name' exceeds the maximum length of 500 characters",
        "BAD_REQUEST: INVALID_PARAMETER_VALUE: step: 504",
        "No space left on device: '/mnt/429/model.bin'",
        "",
    ],
)
def test_a_number_in_the_text_of_an_error_is_no_status(text: str) -> None:
    error = Exception(text)
    assert http_status(error) is None
    assert not is_transient(error)
    assert describe_error(error) == (text or "Exception")


@pytest.mark.mlflow
def test_the_reason_of_a_rejected_file_is_told() -> None:
    from mlflow.utils.request_utils import augmented_raise_for_status

    with pytest.raises(requests.HTTPError) as error:
        augmented_raise_for_status(answer(400, "Invalid path"))
    assert describe_error(error.value) == "answers 400 (Invalid path)"
