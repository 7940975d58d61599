"""What is deployed by the files in `deploy/` is what this program understands, and what their own programs take."""

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import redis
import yaml
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from ccproxy_cli.config.environment import CONFIG_FILE, VARIABLES
from ccproxy_cli.config.load import load
from tests.stores.redis_server import free_port, program

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy"
COMPOSE: Mapping[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
OBJECTS: list[Any] = list(yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text()))
OURS = {f"CCPROXY_{variable.name}" for variable in VARIABLES} | {CONFIG_FILE}


def objects(kind: str) -> dict[str, Any]:
    return {one["metadata"]["name"]: one for one in OBJECTS if one["kind"] == kind}


# Compose


def test_the_two_instances_are_those_behind_nginx() -> None:
    servers = re.findall(r"server (\S+):8000 ", (FOLDER / "nginx.conf").read_text())
    assert servers == ["ccproxy-1", "ccproxy-2"]
    assert COMPOSE["services"]["ccproxy-1"] == COMPOSE["services"]["ccproxy-2"]
    assert {*servers, "nginx", "valkey"} == set(COMPOSE["services"])
    assert COMPOSE["services"]["nginx"]["ports"] == ["${LISTEN:-127.0.0.1:8000}:8080"]


def test_what_is_mounted_is_there() -> None:
    mounted = [mount.split(":")[0] for service in COMPOSE["services"].values() for mount in service.get("volumes", ())]
    assert [name for name in mounted if name.startswith(".") and not (FOLDER / name).is_file()] == []
    assert [name for name in mounted if not name.startswith(".") and name not in COMPOSE["volumes"]] == []
    assert (FOLDER / COMPOSE["services"]["ccproxy-1"]["build"]["context"] / "deploy/Dockerfile").resolve() == FOLDER / "Dockerfile"


def test_compose_gives_variables_that_are_read(tmp_path: Path) -> None:
    given = COMPOSE["services"]["ccproxy-1"]["environment"]
    assert {name for name in given if name.startswith("CCPROXY_")} <= OURS
    environ = {
        "CCPROXY_STORE": re.sub(r"\$\{STORE_PASSWORD[^}]*\}", "word", given["CCPROXY_STORE"]),
        CONFIG_FILE: str(FOLDER / "ccproxy.toml"),
    }
    settings = load(environ, tmp_path).settings
    assert settings.store.url == "redis://:word@valkey:6379/0"
    assert settings.timeouts.grace < int(COMPOSE["services"]["ccproxy-1"]["stop_grace_period"].removesuffix("s"))
    for secret in ("CCPROXY_TOKEN", "CCPROXY_STORE"):
        assert ":?" in given[secret], "it must not start without"


def store_commands() -> Iterator[Any]:
    yield pytest.param(COMPOSE["services"]["valkey"]["command"], id="compose")
    (container,) = objects("StatefulSet")["valkey"]["spec"]["template"]["spec"]["containers"]
    yield pytest.param([*container["command"], *container["args"]], id="kubernetes")


@pytest.mark.parametrize("command", [*store_commands()])
def test_the_store_starts_and_wants_its_password(command: list[str], tmp_path: Path) -> None:
    shell, flag, script = command
    port = free_port()
    script = script.replace("$$", "$").replace("valkey-server", program())
    script = script.replace("requirepass", f"port {port}\nbind 127.0.0.1\nrequirepass")
    assert f"port {port}" in script
    with (
        subprocess.Popen([shell, flag, script], env={**os.environ, "STORE_PASSWORD": "a-word"}, cwd=tmp_path) as process,
        redis.Redis(port=port, password="a-word", retry=Retry(ConstantBackoff(0.1), 100)) as ours,
        redis.Redis(port=port) as stranger,
    ):
        try:
            assert ours.ping()
            assert ours.config_get("maxmemory-policy") == {"maxmemory-policy": "volatile-ttl"}
            with pytest.raises(redis.AuthenticationError):
                stranger.ping()
            assert ours.info()["process_id"] == process.pid, "it must hear itself when it is told to stop"
        finally:
            process.terminate()


# Kubernetes


@pytest.mark.parametrize("one", OBJECTS, ids=lambda one: f"{one['kind']} {one['metadata']['name']}")
def test_kubernetes_takes_each_object(one: Any) -> None:
    kubernetes_validate.validate(one, "1.33", strict=True)


def test_what_selects_finds_what_it_means() -> None:
    pods = {**objects("Deployment"), **objects("StatefulSet")}
    for name, owner in pods.items():
        assert owner["spec"]["selector"]["matchLabels"].items() <= owner["spec"]["template"]["metadata"]["labels"].items(), name
    labels = [owner["spec"]["template"]["metadata"]["labels"] for owner in pods.values()]
    selectors = [one["spec"]["selector"] for one in objects("Service").values()]
    selectors += [one["spec"]["selector"]["matchLabels"] for one in objects("PodDisruptionBudget").values()]
    for policy in objects("NetworkPolicy").values():
        selectors += [policy["spec"]["podSelector"]["matchLabels"]]
        selectors += [source["podSelector"]["matchLabels"] for rule in policy["spec"]["ingress"] for source in rule["from"]]
    for selector in selectors:
        assert any(selector.items() <= each.items() for each in labels), selector


def test_ports_and_volumes_have_the_names_they_are_called_by() -> None:
    for owner in (*objects("Deployment").values(), *objects("StatefulSet").values()):
        spec = owner["spec"]["template"]["spec"]
        volumes = {volume["name"] for volume in spec.get("volumes", ())}
        volumes |= {claim["metadata"]["name"] for claim in owner["spec"].get("volumeClaimTemplates", ())}
        (container,) = spec["containers"]
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes
        service = objects("Service")[owner["metadata"]["name"]]
        assert {port["targetPort"] for port in service["spec"]["ports"]} == {port["name"] for port in container["ports"]}


def test_kubernetes_gives_variables_that_are_read(tmp_path: Path) -> None:
    deployment = objects("Deployment")["ccproxy"]["spec"]["template"]["spec"]
    (container,) = deployment["containers"]
    given = {variable["name"]: variable for variable in container["env"]}
    assert {name for name in given if name.startswith("CCPROXY_")} <= OURS
    assert list(given).index("STORE_PASSWORD") < list(given).index("CCPROXY_STORE")  # only what comes before can be referred to
    assert deployment["enableServiceLinks"] is False
    config = tmp_path / "ccproxy.toml"
    config.write_text(objects("ConfigMap")["ccproxy"]["data"]["ccproxy.toml"])
    settings = load({CONFIG_FILE: str(config), "CCPROXY_STORE": given["CCPROXY_STORE"]["value"]}, tmp_path).settings
    assert settings.store.url == "redis://:$(STORE_PASSWORD)@valkey:6379/0"
    assert set(settings.server.allowed_hosts) == set(objects("Service")) - {"valkey"}
    assert settings.timeouts.grace + 5 < deployment["terminationGracePeriodSeconds"]


def test_secrets_are_named_as_the_head_of_the_file_makes_them() -> None:
    made = re.findall(r"kubectl create secret generic (\S+) (.*)", (FOLDER / "kubernetes.yaml").read_text())
    keys = {name: set(re.findall(r"--from-literal=([\w-]+)=", rest)) for name, rest in made}
    referred = re.findall(r"secretKeyRef: \{name: ([\w-]+), key: ([\w-]+)\}", (FOLDER / "kubernetes.yaml").read_text())
    assert referred
    assert all(key in keys[name] for name, key in referred)


# The image


def test_the_image_holds_what_it_needs() -> None:
    text = (FOLDER / "Dockerfile").read_text()
    allowed = {line.removeprefix("!") for line in (FOLDER / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.M) for name in line.split()}
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["readme"] in copied
    assert set(project["license-files"]) <= copied
    (extras,) = re.findall(r"^ARG EXTRAS=(\S+)$", text, re.M)
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
    assert set(re.findall(r"\b(CCPROXY_\w+)=", text)) <= OURS
    assert {"ENTRYPOINT", "USER", "HEALTHCHECK"} <= set(re.findall(r"^[A-Z]+", text, re.M))


def test_the_check_of_the_image_finds_no_server() -> None:
    (words,) = re.findall(r"HEALTHCHECK .* CMD (\[.*\])", (FOLDER / "Dockerfile").read_text())
    command = yaml.safe_load(words.replace("127.0.0.1:8000", "127.0.0.1:1"))
    done = subprocess.run(command, capture_output=True, env={"PATH": os.environ["PATH"]}, check=False)
    assert done.returncode == 1
