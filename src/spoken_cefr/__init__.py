"""For which CEFR level does a spoken recording suit?

Four stages, each with its sub-package, notebook and data folder::

    scraping -> processing -> neural_networks -> evaluation
"""

__version__ = "0.1.0"
