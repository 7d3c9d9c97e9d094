-- Which shop and orders a privacy request is about.
ALTER TABLE "privacy_request" ADD COLUMN "order_ids" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN "shop_id" INTEGER;

CREATE INDEX "privacy_request_shop_id_idx" ON "privacy_request"("shop_id");

-- What is still to be done is looked for every minute.
CREATE INDEX privacy_request_open ON privacy_request (received_at) WHERE done_at IS NULL;
