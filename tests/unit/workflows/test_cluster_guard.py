from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from plimsoll.domain.project import RemoteCluster
from plimsoll.errors import Misconfigured
from plimsoll.workflows.cluster_contents import install
from plimsoll.workflows.cluster_guard import LocalGuard, require_named
from tests.fake_cluster import FakeCluster
from tests.fakes import FakeReporter


@dataclass
class Known:
    """A text that is kept (port Memory)."""

    text: str | None = None

    def recall(self) -> str | None:
        return self.text

    def keep(self, text: str) -> None:
        self.text = text


@dataclass
class Post:
    """A guard at its post."""

    cluster: FakeCluster = field(default_factory=FakeCluster)
    known: Known = field(default_factory=Known)
    reporter: FakeReporter = field(default_factory=FakeReporter)

    def check(self) -> None:
        LocalGuard(self.cluster, self.cluster, name="check-in", known=self.known, reporter=self.reporter).check()


def uid(cluster: FakeCluster) -> str:
    return str(cluster.identity().uid)


@pytest.fixture
def post() -> Post:
    made = Post()
    install(made.cluster, [], image="", name="check-in")
    return made


def test_the_cluster_that_is_known_passes_without_a_word(post: Post) -> None:
    post.known.text = uid(post.cluster)
    post.check()
    assert post.reporter.said == []


def test_a_lost_identity_is_read_again_from_the_fingerprint_with_one_line(post: Post) -> None:
    post.check()
    post.check()
    assert post.known.text == uid(post.cluster)
    assert post.reporter.lines("info") == ["the cluster's identity was lost: it is read again from its fingerprint"]


def test_a_cluster_that_was_made_anew_vouches_for_itself(post: Post) -> None:
    post.known.text = "the former one"
    post.check()
    assert post.known.text == uid(post.cluster)


def test_a_cluster_without_a_fingerprint_is_refused() -> None:
    with pytest.raises(Misconfigured, match="another cluster answers") as refused:
        Post().check()
    assert (refused.value.code, refused.value.exit_code) == ("other-cluster", 2)


def test_a_fingerprint_of_another_cluster_does_not_pass() -> None:
    post = Post()
    install(post.cluster, [], image="", name="somebody-elses")
    with pytest.raises(Misconfigured, match="another cluster answers"):
        post.check()


def test_a_copied_fingerprint_does_not_pass(post: Post) -> None:
    copy = FakeCluster()
    install(copy, [], image="", name="check-in")
    fingerprint = post.cluster.get("v1/ConfigMap", "fingerprint", "plimsoll")
    assert fingerprint is not None
    copy.put({**fingerprint, "data": {"cluster": "check-in", "uid": "copied"}})
    with pytest.raises(Misconfigured, match="another cluster answers"):
        Post(cluster=copy).check()


def remote(cluster: FakeCluster, *, server: str = "", named: str = "") -> RemoteCluster:
    return RemoteCluster(context="prod", server=server or cluster.server, uid=named or uid(cluster))


def test_a_remote_cluster_passes_by_server_and_uid() -> None:
    cluster = FakeCluster()
    require_named(cluster, remote(cluster), "production")
    require_named(cluster, remote(cluster, server=f"{cluster.server}/"), "production")


def test_a_remote_cluster_of_another_server_or_uid_is_refused_naming_both() -> None:
    cluster = FakeCluster()
    for other in (remote(cluster, server="https://api.example.com"), remote(cluster, named="0")):
        with pytest.raises(Misconfigured, match="this is another cluster") as refused:
            require_named(cluster, other, "production")
        assert "[environments.production]" in refused.value.where


@pytest.mark.parametrize("said", [{"server": "", "uid": ""}, {"server": "", "uid": "1"}, {"server": "https://s", "uid": ""}])
def test_a_remote_cluster_that_nobody_has_named_yet_is_refused_with_what_names_it(said: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match="nobody has said yet") as refused:
        require_named(FakeCluster(), RemoteCluster(context="prod", **said), "production")
    assert refused.value.code == "not-trusted"
    assert "inv env.trust production" in refused.value.now
