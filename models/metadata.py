"""All tables in one metadata, for migrations and tests."""

from sqlalchemy import MetaData

import models.billing
import models.catalog
import models.certificates
import models.content
import models.coordinators
import models.enrolments
import models.grading
import models.grants
import models.groups
import models.holds
import models.identity
import models.insights
import models.invitations
import models.jobs
import models.journal
import models.live_sessions
import models.mail
import models.markers
import models.people
import models.progress
import models.segments
import models.workspaces  # noqa: F401  (each import registers its tables)
from models.base import Base

metadata: MetaData = Base.metadata
