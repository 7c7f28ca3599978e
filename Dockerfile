# The renderer, which is also the program of every Job.
#
#   docker build -t ghcr.io/banhbaoring/banhbaoring:0.1.0 .
#
# It is static, runs as nobody in particular (65532), and as 999 in Argo CD's
# sidecar, which mounts its own server at /var/run/argocd.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags '-s -w' -o /banhbaoring ./cmd/banhbaoring

FROM gcr.io/distroless/static:nonroot
COPY --from=build /banhbaoring /usr/local/bin/banhbaoring
COPY plugin/plugin.yaml /home/argocd/cmp-server/config/plugin.yaml
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/banhbaoring"]
