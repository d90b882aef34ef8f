"""Pictures of insights: the door they are fetched through, and PNG of them for mail."""

from app.pictures.door import routes as routes
from app.pictures.raster import png as png
