"""The dispatcher's live page: plain files and the few lines that serve them.

What the page is made of:

- ``static/index.html``: the whole frame as semantic HTML; the views only fill it.
- ``static/css/``: tokens (colours, sizes), base, pieces, login, frame, queue, detail, map. Dark, and light
  where the system asks for it.
- ``static/js/``: ES modules, served as they are written (no build step). ``store.js`` is the single source of
  truth; ``live.js`` keeps the WebSocket, ``feed.js`` turns frames and lists into state, and the views
  (``queue``, ``detail``, ``map``, ``status``) draw from the store only, so no two panels can disagree.
- ``static/js/i18n/``: the Chinese and the English table, with identical keys.
- Ground for the map without a network: an optional GeoJSON file of water and streets, served as it is.
- Leaflet: not kept here. It is served from the installed PyPI package ``django-js-lib-leaflet`` (Django is
  neither needed nor imported).

``static_files.mount_console`` puts all of it on a FastAPI application.
"""

from safety.console.static_files import STATIC_DIR, mount_console

__all__ = ["STATIC_DIR", "mount_console"]
