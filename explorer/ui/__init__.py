"""Everything that touches Streamlit's session: state, caches, widgets, the frame round every page."""
