-- AlterTable
ALTER TABLE "sighting" ADD COLUMN "heard_at" TIMESTAMPTZ(3);
