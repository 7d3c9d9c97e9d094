-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateEnum
CREATE TYPE "payment_state" AS ENUM ('open', 'closing', 'settled', 'resolved', 'stranded', 'lapsed');

-- CreateEnum
CREATE TYPE "invoice_state" AS ENUM ('made', 'live', 'settled', 'canceled');

-- CreateTable
CREATE TABLE "registration" (
    "id" SERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "sealed_secret" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "registration_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "shop" (
    "id" SERIAL NOT NULL,
    "registration_id" INTEGER NOT NULL,
    "domain" TEXT NOT NULL,
    "method_name" TEXT NOT NULL DEFAULT 'Bitcoin (Lightning)',
    "installed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "uninstalled_at" TIMESTAMPTZ(3),
    "sealed_access_token" BYTEA,
    "access_token_ends_at" TIMESTAMPTZ(3),
    "sealed_refresh_token" BYTEA,
    "refresh_token_ends_at" TIMESTAMPTZ(3),
    "scopes" TEXT NOT NULL DEFAULT '',
    "token_version" INTEGER NOT NULL DEFAULT 0,
    "tokens_stored_at" TIMESTAMPTZ(3),
    "token_refused_at" TIMESTAMPTZ(3),
    "refresh_lease_until" TIMESTAMPTZ(3),
    "sweep_cursor" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "lane" TEXT NOT NULL,
    "due_at" TIMESTAMPTZ(3),
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "lease_no" INTEGER NOT NULL DEFAULT 0,
    "lease_until" TIMESTAMPTZ(3),

    CONSTRAINT "shop_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "node" (
    "id" SERIAL NOT NULL,
    "shop_id" INTEGER NOT NULL,
    "sealed_credential" BYTEA,
    "address" TEXT NOT NULL,
    "identity" TEXT NOT NULL,
    "alias" TEXT NOT NULL DEFAULT '',
    "version" TEXT NOT NULL DEFAULT '',
    "network" TEXT NOT NULL,
    "root_key_id" TEXT NOT NULL,
    "credential_ends_at" TIMESTAMPTZ(3),
    "connected_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "retired_at" TIMESTAMPTZ(3),
    "reachable_at" TIMESTAMPTZ(3),
    "trouble_at" TIMESTAMPTZ(3),
    "trouble" TEXT,
    "receivable_msat" BIGINT,
    "largest_part_msat" BIGINT,
    "channels" INTEGER,
    "active_channels" INTEGER,
    "stream_epoch" INTEGER NOT NULL DEFAULT 0,
    "stream_cursor" BIGINT NOT NULL DEFAULT 0,
    "stream_whole_since" TIMESTAMPTZ(3),
    "stream_holder" TEXT,
    "stream_lease_no" INTEGER NOT NULL DEFAULT 0,
    "stream_lease_until" TIMESTAMPTZ(3),
    "restore_suspected_at" TIMESTAMPTZ(3),

    CONSTRAINT "node_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "payment" (
    "id" UUID NOT NULL,
    "link" TEXT NOT NULL,
    "shop_id" INTEGER NOT NULL,
    "origin" TEXT NOT NULL DEFAULT 'order',
    "origin_id" TEXT NOT NULL,
    "sequence" INTEGER NOT NULL,
    "order_name" TEXT NOT NULL,
    "checkout_token_hash" BYTEA,
    "test" BOOLEAN NOT NULL DEFAULT false,
    "currency" TEXT NOT NULL,
    "owed_minor" BIGINT NOT NULL,
    "owed_at" TIMESTAMPTZ(3) NOT NULL,
    "state" "payment_state" NOT NULL DEFAULT 'open',
    "reason" TEXT NOT NULL,
    "attention" TEXT,
    "settled_invoice_id" BIGINT,
    "told_minor" BIGINT,
    "tell_sales_before" TEXT[],
    "tell_method" TEXT,
    "tell_sent_at" TIMESTAMPTZ(3),
    "tell_started_at" TIMESTAMPTZ(3),
    "settled_at" TIMESTAMPTZ(3),
    "told_at" TIMESTAMPTZ(3),
    "lane" TEXT NOT NULL,
    "due_at" TIMESTAMPTZ(3),
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "lease_no" INTEGER NOT NULL DEFAULT 0,
    "lease_until" TIMESTAMPTZ(3),
    "opened_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "payment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "quote" (
    "id" BIGSERIAL NOT NULL,
    "payment_id" UUID NOT NULL,
    "fiat_minor" BIGINT NOT NULL,
    "currency" TEXT NOT NULL,
    "amount_msat" BIGINT NOT NULL,
    "price_e8" DECIMAL(40,0) NOT NULL,
    "evidence" JSONB NOT NULL,
    "made_at" TIMESTAMPTZ(3) NOT NULL,
    "lapses_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "quote_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "invoice" (
    "id" BIGSERIAL NOT NULL,
    "payment_id" UUID NOT NULL,
    "quote_id" BIGINT NOT NULL,
    "node_id" INTEGER NOT NULL,
    "hash" BYTEA NOT NULL,
    "sealed_preimage" BYTEA,
    "amount_msat" BIGINT NOT NULL,
    "state" "invoice_state" NOT NULL DEFAULT 'made',
    "request" TEXT,
    "add_index" BIGINT,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "ending" TEXT,
    "ending_at" TIMESTAMPTZ(3),
    "paid_msat" BIGINT,
    "preimage" BYTEA,
    "settle_index" BIGINT,
    "settled_at" TIMESTAMPTZ(3),
    "recorded_at" TIMESTAMPTZ(3),
    "via" TEXT,
    "stream_lease_no" INTEGER,
    "lane" TEXT NOT NULL,
    "due_at" TIMESTAMPTZ(3),
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "lease_no" INTEGER NOT NULL DEFAULT 0,
    "lease_until" TIMESTAMPTZ(3),
    "made_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "invoice_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "sighting" (
    "id" BIGSERIAL NOT NULL,
    "shop_id" INTEGER NOT NULL,
    "origin_id" TEXT NOT NULL,
    "because" TEXT NOT NULL,
    "times" INTEGER NOT NULL DEFAULT 1,
    "seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "lane" TEXT NOT NULL,
    "due_at" TIMESTAMPTZ(3),
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "lease_no" INTEGER NOT NULL DEFAULT 0,
    "lease_until" TIMESTAMPTZ(3),

    CONSTRAINT "sighting_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "delivery" (
    "id" TEXT NOT NULL,
    "topic" TEXT NOT NULL,
    "shop_domain" TEXT NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "delivery_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "history" (
    "id" BIGSERIAL NOT NULL,
    "payment_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),
    "what" TEXT NOT NULL,
    "from" "payment_state",
    "to" "payment_state",
    "because" TEXT NOT NULL,
    "details" JSONB NOT NULL DEFAULT '{}',

    CONSTRAINT "history_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "posting" (
    "id" BIGSERIAL NOT NULL,
    "payment_id" UUID NOT NULL,
    "journal" TEXT NOT NULL,
    "from_account" TEXT NOT NULL,
    "to_account" TEXT NOT NULL,
    "amount_msat" BIGINT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "posting_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "lane" (
    "name" TEXT NOT NULL,
    "paused_until" TIMESTAMPTZ(3),
    "because" TEXT,
    "failures" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "lane_pkey" PRIMARY KEY ("name")
);

-- CreateIndex
CREATE UNIQUE INDEX "registration_client_id_key" ON "registration"("client_id");

-- CreateIndex
CREATE INDEX "shop_domain_idx" ON "shop"("domain");

-- CreateIndex
CREATE UNIQUE INDEX "shop_registration_id_domain_key" ON "shop"("registration_id", "domain");

-- CreateIndex
CREATE INDEX "node_shop_id_idx" ON "node"("shop_id");

-- CreateIndex
CREATE UNIQUE INDEX "payment_link_key" ON "payment"("link");

-- CreateIndex
CREATE INDEX "payment_shop_id_opened_at_id_idx" ON "payment"("shop_id", "opened_at" DESC, "id");

-- CreateIndex
CREATE INDEX "payment_shop_id_state_idx" ON "payment"("shop_id", "state");

-- CreateIndex
CREATE UNIQUE INDEX "payment_shop_id_origin_id_sequence_key" ON "payment"("shop_id", "origin_id", "sequence");

-- CreateIndex
CREATE INDEX "quote_payment_id_idx" ON "quote"("payment_id");

-- CreateIndex
CREATE UNIQUE INDEX "invoice_quote_id_key" ON "invoice"("quote_id");

-- CreateIndex
CREATE UNIQUE INDEX "invoice_hash_key" ON "invoice"("hash");

-- CreateIndex
CREATE INDEX "invoice_payment_id_idx" ON "invoice"("payment_id");

-- CreateIndex
CREATE INDEX "invoice_node_id_state_idx" ON "invoice"("node_id", "state");

-- CreateIndex
CREATE UNIQUE INDEX "sighting_shop_id_origin_id_key" ON "sighting"("shop_id", "origin_id");

-- CreateIndex
CREATE INDEX "delivery_received_at_idx" ON "delivery"("received_at");

-- CreateIndex
CREATE INDEX "history_payment_id_id_idx" ON "history"("payment_id", "id");

-- CreateIndex
CREATE INDEX "posting_payment_id_idx" ON "posting"("payment_id");

-- CreateIndex
CREATE UNIQUE INDEX "posting_journal_from_account_to_account_key" ON "posting"("journal", "from_account", "to_account");

-- AddForeignKey
ALTER TABLE "shop" ADD CONSTRAINT "shop_registration_id_fkey" FOREIGN KEY ("registration_id") REFERENCES "registration"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "node" ADD CONSTRAINT "node_shop_id_fkey" FOREIGN KEY ("shop_id") REFERENCES "shop"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "payment" ADD CONSTRAINT "payment_shop_id_fkey" FOREIGN KEY ("shop_id") REFERENCES "shop"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "quote" ADD CONSTRAINT "quote_payment_id_fkey" FOREIGN KEY ("payment_id") REFERENCES "payment"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "invoice" ADD CONSTRAINT "invoice_payment_id_fkey" FOREIGN KEY ("payment_id") REFERENCES "payment"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "invoice" ADD CONSTRAINT "invoice_quote_id_fkey" FOREIGN KEY ("quote_id") REFERENCES "quote"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "invoice" ADD CONSTRAINT "invoice_node_id_fkey" FOREIGN KEY ("node_id") REFERENCES "node"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sighting" ADD CONSTRAINT "sighting_shop_id_fkey" FOREIGN KEY ("shop_id") REFERENCES "shop"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "history" ADD CONSTRAINT "history_payment_id_fkey" FOREIGN KEY ("payment_id") REFERENCES "payment"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "posting" ADD CONSTRAINT "posting_payment_id_fkey" FOREIGN KEY ("payment_id") REFERENCES "payment"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

