"""The operations on what modules say."""

from typing import Any, Final

from tests.proof.probing import MADE, OF_A_SCOPE, Case, Given, Probe, mutation
from tests.proof.town import Town
from tests.proof.town_content import to_write

CASES: Final = (*OF_A_SCOPE, MADE)


def _with(verb: str) -> Given:
    def given(town: Town, who: str, case: Case) -> dict[str, Any]:
        name = to_write(verb, who, case.place, case.thing)
        return {
            "module": town.id("Module", case.place, name),
            "version": 3,
            "content": {"lesson": {"markdown": town.word()}},
        }

    return given


OF_CONTENT: Final = (
    Probe(
        "edit_module_content",
        mutation(
            "editModuleContent",
            "$module: ID!, $version: Int!, $content: ContentToWrite!",
            "moduleId: $module, version: $version, content: $content",
        ),
        _with("edit"),
        CASES,
        changes="module.edited",
    ),
    Probe(
        "publish_revert_module",
        mutation(
            "publishModule",
            "$module: ID!, $version: Int!",
            "moduleId: $module, version: $version",
        ),
        _with("publish"),
        CASES,
        changes="module.published",
    ),
    Probe(
        "publish_revert_module",
        mutation(
            "revertModule",
            "$module: ID!, $version: Int!",
            "moduleId: $module, version: $version",
        ),
        _with("revert"),
        CASES,
        changes="module.reverted",
    ),
    Probe(
        "preview_untracked",
        "query ($module: ID!) { previewUntracked(moduleId: $module)"
        " { content { ... on LessonContent { markdown } } } }",
        _with("look"),
        CASES,
        shown=lambda revision, _: revision is not None and revision["content"] is not None,
    ),
)
