"""Looking at vectors: pictures, the map page, the JSON API."""
