"""What can be done with content."""

import strawberry

from access.permissions import Permission
from resolvers.content import changes
from schema.module_mutation import ModulePayload
from schema.requires import SIGNED_IN, done_by, guarded_type

strawberry.input(changes.LessonToWrite, name="LessonToWrite", description="A lesson, whole.")
strawberry.input(
    changes.ChoiceToWrite,
    name="ChoiceToWrite",
    description="A choice; without a number it is a new one.",
)
strawberry.input(
    changes.QuestionToWrite,
    name="QuestionToWrite",
    description="A question; without a number it is a new one. What its kind does not have is left"
    " out: `choices` are of SINGLE_CHOICE and MULTIPLE_CHOICE, `isTrue` of TRUE_FALSE,"
    " `acceptedTexts` and `isCaseSensitive` of SHORT_TEXT, `acceptedNumber` and `tolerance` of"
    " NUMBER.",
)
strawberry.input(changes.QuizToWrite, name="QuizToWrite", description="A quiz, whole.")
strawberry.input(
    changes.AssignmentToWrite, name="AssignmentToWrite", description="An assignment, whole."
)
strawberry.input(
    changes.ContentToWrite,
    name="ContentToWrite",
    one_of=True,
    description="The one of the module's kind.",
)


@guarded_type(requires=SIGNED_IN, description="What can be done with content.")
class ContentMutation:
    edit_module_content: ModulePayload | None = done_by(
        changes.edit_module_content,
        requires=Permission.EDIT_MODULE_CONTENT,
        description="Put this in the place of the whole draft, which was read at `version`."
        " Questions and choices keep their numbers; what is unfinished is kept and told as"
        " problems.",
    )
    rename_module: ModulePayload | None = done_by(
        changes.rename_module,
        requires=Permission.EDIT_MODULE_CONTENT,
        description="Another title, at once for everybody.",
    )
    remove_attachment: ModulePayload | None = done_by(
        changes.remove_attachment,
        requires=Permission.EDIT_MODULE_CONTENT,
        description="Take a file out of its module; revisions that show it go on showing it.",
    )
    publish_module: ModulePayload | None = done_by(
        changes.publish_module,
        requires=Permission.PUBLISH_REVERT_MODULE,
        description="Make the draft the next revision; with `version`, only if it is still that"
        " one. Open attempts stay on the revision they began with.",
    )
    revert_module: ModulePayload | None = done_by(
        changes.revert_module,
        requires=Permission.PUBLISH_REVERT_MODULE,
        description="Bring the draft back to what was published last.",
    )
