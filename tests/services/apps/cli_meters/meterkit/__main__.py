from meterkit.cli import main

main()
