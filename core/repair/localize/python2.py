"""Modules of the standard library that Python 3 renamed: no package is missing where one is not found."""

RENAMED = {
    "urlparse": "urllib.parse", "ConfigParser": "configparser", "Queue": "queue", "StringIO": "io", "cStringIO": "io",
    "cPickle": "pickle", "urllib2": "urllib.request", "httplib": "http.client", "HTMLParser": "html.parser",
    "Cookie": "http.cookies", "cookielib": "http.cookiejar", "SocketServer": "socketserver", "__builtin__": "builtins",
    "BaseHTTPServer": "http.server", "xmlrpclib": "xmlrpc.client", "commands": "subprocess", "thread": "_thread",
    "xml.etree.cElementTree": "xml.etree.ElementTree", "copy_reg": "copyreg", "repr": "reprlib", "Tkinter": "tkinter",
}  # fmt: skip
