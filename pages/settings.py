from console.page import page

page("settings", "x", lambda: None)
