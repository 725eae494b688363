"""Whether anything is exported, by OpenTelemetry's own variables."""

import logging

import pytest
from support.collector import collector

from longcall.telemetry.opening import open_observer, wanted
from longcall.telemetry.watch import SILENCE

URL = "http://127.0.0.1:9"
ALL = {"OTEL_EXPORTER_OTLP_ENDPOINT": URL}


@pytest.mark.parametrize(
    ("environ", "signals"),
    [
        ({}, []),
        ({"OTEL_SERVICE_NAME": "x", "OTEL_TRACES_EXPORTER": "otlp"}, []),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, []),
        (ALL, ["traces", "metrics", "logs"]),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": URL}, ["traces"]),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": URL}, ["metrics"]),
        ({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": URL}, ["logs"]),
        ({**ALL, "OTEL_SDK_DISABLED": "True"}, []),
        ({**ALL, "OTEL_SDK_DISABLED": "false"}, ["traces", "metrics", "logs"]),
        ({**ALL, "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "console"}, ["traces"]),
        ({**ALL, "OTEL_METRICS_EXPORTER": "console, otlp"}, ["traces", "metrics", "logs"]),
    ],
)
def test_a_signal_is_exported_where_it_has_an_endpoint(environ: dict[str, str], signals: list[str]):
    assert wanted(environ) == signals


def test_without_an_endpoint_nothing_watches():
    assert open_observer({"OTEL_SERVICE_NAME": "x"}) is SILENCE


def test_another_protocol_is_not_sent_to_and_is_said(caplog: pytest.LogCaptureFixture):
    assert open_observer({**ALL, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}) is SILENCE
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 3
    assert "speaks http/protobuf, not grpc" in caplog.text


def test_one_signal_may_have_another_protocol(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    with collector() as told:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": told.url, "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "grpc"}
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        observer = open_observer(environ)
        observer.found_interrupted(1)
        observer.close()
    assert observer is not SILENCE
    assert "No metrics are exported" in caplog.text
    assert told.metric_names() == set()


def test_a_setting_that_the_sdk_refuses_is_logged_and_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "0")
    assert open_observer(ALL) is SILENCE
    assert "its SDK cannot be set up" in caplog.text


def test_a_header_that_cannot_be_read_is_not_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    with collector() as told:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": told.url, "OTEL_EXPORTER_OTLP_HEADERS": "no-equals-SECRET"}
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        open_observer(environ).close()
    assert "SECRET" not in caplog.text


def test_what_is_left_is_sent_when_it_closes_under_the_name_that_the_operator_gives(monkeypatch: pytest.MonkeyPatch):
    with collector() as told:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": told.url, "OTEL_SERVICE_NAME": "mine"}
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        observer = open_observer(environ)
        observer.found_interrupted(0)
        observer.found_interrupted(2)
        observer.close()
    assert told.metric("longcall.tasks") == {(("longcall.task.state", "interrupted"),): 2}
    assert b"mine" in told.payload
    assert b"unknown_service" not in told.payload
