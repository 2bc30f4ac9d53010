#!/bin/sh
# Written by hand in 2019. Runs at boot.
ip route add default via 198.51.100.1 dev eth1 table 100
ip rule add from 198.51.100.10 table 100 prio 1000
ip rule add from 198.51.100.11 table 100 prio 1000
ip rule add from 198.51.100.12 lookup 100 pref 1001
