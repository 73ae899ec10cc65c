# The web side
FROM node:20-bookworm-slim AS web
WORKDIR /src
COPY ui/app/package.json ui/app/package-lock.json ui/app/
RUN npm ci --no-audit --no-fund --prefix ui/app
COPY ui/widget/package.json ui/widget/package-lock.json ui/widget/
RUN npm ci --no-audit --no-fund --prefix ui/widget
COPY ui ui
RUN npm run build --prefix ui/app && npm run build --prefix ui/widget

# The program, static
FROM golang:1.26-bookworm AS program
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=web /src/ui/app/dist ui/app/dist
COPY --from=web /src/ui/widget/dist ui/widget/dist
ARG VERSION=dev
ARG COMMIT=unknown
ARG DATE=unknown
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION} -X main.commit=${COMMIT} -X main.date=${DATE}" -o /out/parley ./cmd/parley
RUN install -d -m 0700 /out/data && install -d -m 1777 /out/tmp

# Nothing but the program, the certificates it trusts and the time zones it knows
FROM scratch
COPY --from=program /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=program /usr/local/go/lib/time/zoneinfo.zip /usr/share/zoneinfo.zip
COPY --from=program --chown=65532:65532 /out/data /data
COPY --from=program /out/tmp /tmp
COPY --from=program /out/parley /usr/local/bin/parley
ENV ZONEINFO=/usr/share/zoneinfo.zip \
    PARLEY_SERVER_HOST=0.0.0.0 \
    PARLEY_DATA_DIR=/data
USER 65532:65532
EXPOSE 8080
VOLUME /data
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 CMD ["/usr/local/bin/parley", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/parley"]
CMD ["serve"]
