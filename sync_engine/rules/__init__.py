"""The rule language of segments: pure, and of the standard library alone.

    rule = parse('department eq "Sales" and hireDate le now-P90D', catalog)     text
    rule = from_document({"attr": "country", "op": "in", "value": ["SE"]}, catalog)     JSON
    facts, warnings = fold(raw_attributes, catalog)
    RuleIndex.build({segment_id: rule}).matches(facts, today)

`matches` defines the truth; `compile`, `RuleIndex` and `explain` agree with it.
"""

from sync_engine.rules.attributes import (
    STANDARD_ATTRIBUTES,
    Attribute,
    AttributeType,
    Catalog,
    InvalidCatalog,
    Owner,
    catalog_of,
    is_attribute_name,
)
from sync_engine.rules.compile import Check, compile
from sync_engine.rules.dates import crossing, offsets, shifted
from sync_engine.rules.difference import (
    Difference,
    DifferenceKind,
    Part,
    difference,
    sentences,
)
from sync_engine.rules.document import from_document, to_document
from sync_engine.rules.evaluate import matches
from sync_engine.rules.explain import Explanation, deciding, explain
from sync_engine.rules.facts import DataWarning, Fact, Facts, fold, from_json, moments, to_json
from sync_engine.rules.index import RuleIndex
from sync_engine.rules.lint import Lint, Linted, LintKind, lint_rule, lint_text
from sync_engine.rules.nodes import (
    All,
    Any_,
    Between,
    Compare,
    Everyone,
    Known,
    Listed,
    Not,
    Now,
    Rule,
    attributes_used,
    related_ids,
)
from sync_engine.rules.operators import Comparison, Listing, Operator, Presence, Span
from sync_engine.rules.problems import LIMITS, InvalidRule, Limits, Problem, ProblemCode
from sync_engine.rules.relations import (
    MEMBER_OF,
    OF_PEOPLE,
    RELATIONS,
    UNCHECKED,
    Mentioned,
    Reference,
    Related,
    Relation,
    mentioned,
)
from sync_engine.rules.text import format, parse

__all__ = [
    "Attribute",
    "AttributeType",
    "Catalog",
    "InvalidCatalog",
    "Owner",
    "STANDARD_ATTRIBUTES",
    "catalog_of",
    "is_attribute_name",
    "DataWarning",
    "Fact",
    "Facts",
    "fold",
    "from_json",
    "moments",
    "to_json",
    "All",
    "Any_",
    "Between",
    "Compare",
    "Comparison",
    "Everyone",
    "Known",
    "Listed",
    "Listing",
    "Not",
    "Now",
    "Operator",
    "Presence",
    "Rule",
    "Span",
    "attributes_used",
    "related_ids",
    "MEMBER_OF",
    "OF_PEOPLE",
    "RELATIONS",
    "UNCHECKED",
    "Mentioned",
    "Reference",
    "Related",
    "Relation",
    "mentioned",
    "LIMITS",
    "InvalidRule",
    "Limits",
    "Problem",
    "ProblemCode",
    "from_document",
    "to_document",
    "format",
    "parse",
    "Lint",
    "LintKind",
    "Linted",
    "lint_rule",
    "lint_text",
    "Difference",
    "DifferenceKind",
    "Part",
    "difference",
    "sentences",
    "Check",
    "RuleIndex",
    "compile",
    "matches",
    "crossing",
    "offsets",
    "shifted",
    "Explanation",
    "deciding",
    "explain",
]
