# The server side: the doors, the pool and the operator's commands, from one image.
#   docker build -t zaptill .
#   docker run --env-file .env zaptill                        the doors (migrates first)
#   docker run --env-file .env zaptill web/worker.ts          the pool, any number of them
#   docker run --env-file .env zaptill web/cli.ts audit       the operator
#   docker run --env-file .env.signer zaptill web/signer.ts   the signer, which alone can pay
# TypeScript runs as it is on Node 24; only the front ends and the database client are built.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No install script is needed to build.
RUN npm ci --ignore-scripts
COPY . .
RUN node node_modules/prisma/build/index.js generate && node scripts/build.ts

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json package-lock.json ./
# The optional packages are a PostgreSQL of our own, which a server does not use.
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force
COPY prisma/migrations prisma/migrations
COPY web web
COPY --from=build /app/web/db/generated web/db/generated
COPY --from=build /app/dist dist
USER node
EXPOSE 3000
# SIGTERM ends a process within ten seconds and loses nothing.
ENTRYPOINT ["node"]
CMD ["web/server.ts"]
