# The static binary and nothing else:
#   packaging/build && docker build -t lbgen . && docker run --rm -v "$PWD:/work" lbgen check
FROM scratch
COPY target/package/lbgen /lbgen
WORKDIR /work
ENTRYPOINT ["/lbgen"]
