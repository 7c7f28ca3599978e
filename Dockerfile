# Three images: the secrets engine (--target plugin), the signer (--target api), and
# the renderer.
#
#   docker build --target plugin -t ghcr.io/banhbaoring/openbao-plugin-secp256k1:1.1.0 .
#   docker build --target api -t ghcr.io/banhbaoring/api:0.1.0 .
#   docker build -t ghcr.io/banhbaoring/banhbaoring:0.1.0 .

FROM --platform=$BUILDPLATFORM golang:1.26 AS build-plugin
WORKDIR /src
COPY secp256k1/go.mod secp256k1/go.sum ./
RUN go mod download
COPY secp256k1 .
ARG TARGETOS TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags '-s -w' -o /secp256k1 ./cmd/secp256k1

# Nothing runs in it: a pod's init container copies the binary out.
FROM gcr.io/distroless/static:nonroot AS plugin
COPY --from=build-plugin --chmod=0555 /secp256k1 /plugin/secp256k1
USER 65532:65532
ENTRYPOINT ["/plugin/secp256k1"]

FROM --platform=$BUILDPLATFORM golang:1.26 AS build-controlplane
WORKDIR /src
COPY controlplane/go.mod controlplane/go.sum ./
RUN go mod download
COPY controlplane .
ARG TARGETOS TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags '-s -w' -o /controlplane ./cmd/controlplane

# The programs between OpenBao and those who use it: `controlplane signer`.
FROM gcr.io/distroless/static:nonroot AS api
COPY --from=build-controlplane --chmod=0555 /controlplane /usr/local/bin/controlplane
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/controlplane"]

# The renderer, which is also the program of every Job.
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
