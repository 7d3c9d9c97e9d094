-- AlterTable
ALTER TABLE "shop" ADD COLUMN     "ready_told_at" TIMESTAMPTZ(3);
