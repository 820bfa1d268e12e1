"""What `speed` compares with: the least page of Streamlit's with a title, a bar chart and a table."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

st.title("Bare")
st.plotly_chart(go.Figure(go.Bar(y=[1, 2, 3])))
st.dataframe(pd.DataFrame({"height": [1, 2, 3]}))
