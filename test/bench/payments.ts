// What the payments page asks of a big shop.
import type { Database } from '../../web/db/database.ts';
import { listPayments } from '../../web/db/views.ts';
import type { Question } from './measure.ts';
import type { Million } from './million.ts';

export const paymentQuestions = (db: Database, { shopId }: Million): Question[] => {
  const page = { shopId, state: undefined, needsPerson: false, after: undefined, limit: 26 };
  return [
    { name: 'payments: the first page', ask: () => listPayments(db, page) },
    {
      name: 'payments: what needs a person',
      ask: () => listPayments(db, { ...page, needsPerson: true }),
    },
  ];
};
