-- AlterEnum
ALTER TYPE "payment_state" ADD VALUE 'rejected';

-- AlterTable
ALTER TABLE "node" ADD COLUMN     "rank" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "payment" ADD COLUMN     "cancel_url" TEXT,
ADD COLUMN     "group_key" TEXT,
ADD COLUMN     "kind" TEXT NOT NULL DEFAULT 'sale',
ADD COLUMN     "pending_until" TIMESTAMPTZ(3),
ADD COLUMN     "return_url" TEXT,
ADD COLUMN     "verdict_code" TEXT,
ADD COLUMN     "verdict_wanted" TEXT,
ADD COLUMN     "viewed_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "registration" ADD COLUMN     "kind" TEXT NOT NULL DEFAULT 'merchant';

-- AlterTable
ALTER TABLE "shop" ADD COLUMN     "block_seen_at" TIMESTAMPTZ(3),
ADD COLUMN     "currency" TEXT,
ADD COLUMN     "method_seen_at" TIMESTAMPTZ(3),
ADD COLUMN     "time_zone" TEXT NOT NULL DEFAULT 'UTC';

-- CreateTable
CREATE TABLE "settings" (
    "shop_id" INTEGER NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 0,
    "quote_seconds" INTEGER,
    "rate_sources" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "spread_limit_bp" INTEGER,
    "smallest_msat" BIGINT,
    "largest_msat" BIGINT,
    "buyer_words" JSONB NOT NULL DEFAULT '{}',
    "unpaid_hours" INTEGER,
    "alert_email" TEXT,
    "alert_url" TEXT,
    "sealed_alert_secret" BYTEA,
    "language" TEXT,
    "changed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "settings_pkey" PRIMARY KEY ("shop_id")
);

-- CreateTable
CREATE TABLE "self_test" (
    "id" BIGSERIAL NOT NULL,
    "shop_id" INTEGER NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),
    "passed" BOOLEAN NOT NULL DEFAULT false,
    "steps" JSONB NOT NULL DEFAULT '[]',

    CONSTRAINT "self_test_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "session_request" (
    "shop_id" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "gid" TEXT NOT NULL,
    "payment_id" UUID,
    "content_hash" BYTEA NOT NULL,
    "answer" TEXT NOT NULL,
    "amount_minor" BIGINT,
    "currency" TEXT,
    "test" BOOLEAN NOT NULL DEFAULT false,
    "proposed_at" TIMESTAMPTZ(3) NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "state" TEXT NOT NULL DEFAULT 'received',

    CONSTRAINT "session_request_pkey" PRIMARY KEY ("shop_id","kind","id")
);

-- CreateTable
CREATE TABLE "session_group" (
    "shop_id" INTEGER NOT NULL,
    "group_key" TEXT NOT NULL,
    "payment_id" UUID NOT NULL,
    "taken_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "session_group_pkey" PRIMARY KEY ("shop_id","group_key")
);

-- CreateTable
CREATE TABLE "page_session" (
    "token_hash" BYTEA NOT NULL,
    "shop_id" INTEGER NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "page_session_pkey" PRIMARY KEY ("token_hash")
);

-- CreateTable
CREATE TABLE "alert" (
    "id" BIGSERIAL NOT NULL,
    "shop_id" INTEGER NOT NULL,
    "what" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "channel" TEXT NOT NULL,
    "about" JSONB NOT NULL DEFAULT '{}',
    "made_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "sent_at" TIMESTAMPTZ(3),
    "lane" TEXT NOT NULL,
    "due_at" TIMESTAMPTZ(3),
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "lease_no" INTEGER NOT NULL DEFAULT 0,
    "lease_until" TIMESTAMPTZ(3),

    CONSTRAINT "alert_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "privacy_request" (
    "id" TEXT NOT NULL,
    "topic" TEXT NOT NULL,
    "shop_domain" TEXT NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "due_by" TIMESTAMPTZ(3) NOT NULL,
    "done_at" TIMESTAMPTZ(3),
    "report" JSONB NOT NULL DEFAULT '{}',

    CONSTRAINT "privacy_request_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_notice" (
    "operation" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "deprecated" TEXT,
    "first_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "api_notice_pkey" PRIMARY KEY ("operation")
);

-- CreateIndex
CREATE INDEX "self_test_shop_id_id_idx" ON "self_test"("shop_id", "id" DESC);

-- CreateIndex
CREATE INDEX "session_request_payment_id_idx" ON "session_request"("payment_id");

-- CreateIndex
CREATE INDEX "page_session_shop_id_idx" ON "page_session"("shop_id");

-- CreateIndex
CREATE UNIQUE INDEX "alert_shop_id_what_key_channel_key" ON "alert"("shop_id", "what", "key", "channel");

-- CreateIndex
CREATE INDEX "privacy_request_shop_domain_idx" ON "privacy_request"("shop_domain");

-- CreateIndex
CREATE INDEX "payment_shop_id_order_name_idx" ON "payment"("shop_id", "order_name");

-- CreateIndex
CREATE INDEX "payment_shop_id_owed_minor_idx" ON "payment"("shop_id", "owed_minor");

-- AddForeignKey
ALTER TABLE "settings" ADD CONSTRAINT "settings_shop_id_fkey" FOREIGN KEY ("shop_id") REFERENCES "shop"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "self_test" ADD CONSTRAINT "self_test_shop_id_fkey" FOREIGN KEY ("shop_id") REFERENCES "shop"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "session_request" ADD CONSTRAINT "session_request_shop_id_fkey" FOREIGN KEY ("shop_id") REFERENCES "shop"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "alert" ADD CONSTRAINT "alert_shop_id_fkey" FOREIGN KEY ("shop_id") REFERENCES "shop"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
