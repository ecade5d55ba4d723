from parceltrack import create_app

app = create_app()
