from console.page import page

page("audit", "x", lambda: None)
