"""What docker prints, verbatim, and where it was found. Docker itself is not at hand here."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.init.containers import containers
from hostnfsd.init.facts import Attachment, Container, Published

# moby/moby, api/swagger.yaml, PortMap, example: "2377/tcp" is exposed and not published.
PORT_MAP = """
{
  "443/tcp": [
    {
      "HostIp": "127.0.0.1",
      "HostPort": "4443"
    }
  ],
  "80/tcp": [
    {
      "HostIp": "0.0.0.0",
      "HostPort": "80"
    },
    {
      "HostIp": "0.0.0.0",
      "HostPort": "8080"
    }
  ],
  "80/udp": [
    {
      "HostIp": "0.0.0.0",
      "HostPort": "80"
    }
  ],
  "53/udp": [
    {
      "HostIp": "0.0.0.0",
      "HostPort": "53"
    }
  ],
  "2377/tcp": null
}
"""
# .NetworkSettings.Ports of a container of gitea, an image with an sshd, as printed under "Docker
# port mappings" in a write-up of the machine Busqueda.
GITEA = """
{
  "22/tcp": [
    {
      "HostIp": "127.0.0.1",
      "HostPort": "222"
    }
  ],
  "3000/tcp": [
    {
      "HostIp": "127.0.0.1",
      "HostPort": "3000"
    }
  ]
}
"""
# `docker inspect -f '{{json .NetworkSettings.Networks}}' ollama`, of Docker Compose 2.40.3, as
# printed in a note of alanhc's on open-webui, December 2025.
OLLAMA = """
{ "open-webui_default": { "IPAMConfig": null, "Links": null, "Aliases": [ "ollama", "ollama" ],
"DriverOpts": null, "GwPriority": 0,
"NetworkID": "1cfe167fb156ef45ad6eaeb87aa6d2dc96771a30a38dd8ae81860b47f2c6ca74",
"EndpointID": "9e9d69ef8ccf2db163dd665b7b86e29ef6196b5f3de26e9769c5c1b8c3554a09",
"Gateway": "172.20.0.1", "IPAddress": "172.20.0.2", "MacAddress": "62:09:20:3b:82:c1",
"IPPrefixLen": 16, "IPv6Gateway": "", "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0,
"DNSNames": [ "ollama", "8eaa6f07c73f" ] } }
"""
# kind, pkg/cluster/internal/providers/docker/constants.go: clusterLabelKey, nodeRoleLabelKey.
NODE_LABELS = {"io.x-k8s.kind.cluster": "kind", "io.x-k8s.kind.role": "control-plane"}


def inspected(
    ports: str = "{}", networks: str = "{}", labels: dict[str, str] | None = None
) -> Container:
    document = {
        "Name": "/dev-gw",
        "Config": {"Labels": labels or {}},
        "NetworkSettings": {"Ports": json.loads(ports), "Networks": json.loads(networks)},
    }
    (found,) = containers(json.dumps([document]))
    return found


def test_a_published_sshd_is_found() -> None:
    assert inspected(GITEA).ssh == (Published("127.0.0.1", 222),)


def test_other_ports_are_no_sshd() -> None:
    assert inspected(PORT_MAP).ssh == ()


def test_one_port_on_both_families_is_one() -> None:
    both = '{"22/tcp":[{"HostIp":"0.0.0.0","HostPort":"122"},{"HostIp":"::","HostPort":"122"}]}'
    assert inspected(both).ssh == (Published("127.0.0.1", 122),)


def test_an_exposed_port_need_not_be_published() -> None:
    assert inspected('{"22/tcp": null, "2222/tcp": []}').ssh == ()


def test_networks_and_addresses_are_found() -> None:
    found = inspected(networks=OLLAMA)
    assert found.networks == (Attachment("open-webui_default", "172.20.0.2/16"),)
    assert found.name == "dev-gw"


def test_a_network_without_an_address_is_none() -> None:
    assert inspected(networks='{"host": {"IPAddress": "", "IPPrefixLen": 0}}').networks == ()


def test_a_node_of_kind_is_told_by_its_labels() -> None:
    assert inspected(labels=NODE_LABELS).kind_node
    assert not inspected().kind_node


@pytest.mark.parametrize("output", ["", "{}", "Error: No such object", "[", "3"])
def test_what_docker_does_not_print_is_refused(output: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        containers(output)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Name", "Config", "NetworkSettings", "Ports", "Networks", "22/tcp", "HostPort"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(_JSON)
def test_no_document_of_another_shape_breaks_it(document: object) -> None:
    try:
        found = containers(json.dumps([document]))
    except ValueError:
        return
    assert all(isinstance(each, Container) for each in found)
