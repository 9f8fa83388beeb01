# One image for every process of a cluster, nats-server included: docker build -t kubus .
# BASE is any Debian (or derivative) with apt; Node, the npm dependencies and nats-server come for the platform that is built.
ARG BASE=debian:trixie-slim

FROM ${BASE} AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates curl \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
ENV HOME=/build
# Node and the dependencies change seldom: a layer of their own. There are no sources to build yet, which it says, and ends.
COPY kubus package.json package-lock.json .npmrc ./
RUN ./kubus version || cmp package-lock.json node_modules/.kubus-prod
COPY . .
RUN ./kubus version && "$HOME"/.cache/kubus/node-*/bin/node ops/build/image.ts /image

FROM ${BASE} AS kubus
# Volumes that are mounted here for the first time take their owner from these folders.
RUN groupadd --system --gid 10001 kubus \
 && useradd --system --uid 10001 --gid kubus --home-dir /cluster --shell /usr/sbin/nologin kubus \
 && mkdir /cluster \
 && cd /cluster \
 && mkdir authority admin balancer etcd apiserver controller-manager scheduler node-authenticator certificate-signer nodes console \
      cloud-controller-manager dns ingress metrics store-reader nats-1 nats-2 nats-3 /var/lib/kubus \
 && chown -R kubus:kubus /cluster /var/lib/kubus \
 && chmod 700 /cluster/* /var/lib/kubus
COPY --from=build /image/ /
USER kubus
WORKDIR /cluster
ENTRYPOINT ["kubus"]
CMD ["help"]

# A node that runs containers: docker build --target node -t kubus-node .
FROM kubus AS node
USER root
RUN printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \
 && apt-get update \
 && apt-get install --yes --no-install-recommends \
      containerd runc containernetworking-plugins nftables iptables conntrack iproute2 util-linux mount \
 && rm -rf /var/lib/apt/lists/* /usr/sbin/policy-rc.d

# Whoever names no target gets what every process but a real node runs in.
FROM kubus
