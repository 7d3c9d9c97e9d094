// The operator knocks: does the process live, is it ready, how is it. No details for strangers.
import { timingSafeEqual } from 'node:crypto';
import { answerJson } from './answers.ts';
import type { Doors, Route } from './doors.ts';

export function healthRoutes(doors: Doors): Route[] {
  const routes: Route[] = [
    {
      method: 'get',
      path: '/livez',
      policy: 'public',
      answer: (_request, response) => {
        answerJson(response, 200, { live: true });
      },
    },
    {
      method: 'get',
      path: '/readyz',
      policy: 'public',
      answer: async (_request, response) => {
        const ready = await doors.isReady();
        answerJson(response, ready ? 200 : 503, { ready });
      },
    },
  ];
  const { metricsToken } = doors;
  if (metricsToken === undefined) return routes;
  const known = Buffer.from(`Bearer ${metricsToken}`);
  routes.push({
    method: 'get',
    path: '/metrics',
    policy: 'operator',
    answer: async (request, response) => {
      const given = Buffer.from(request.get('authorization') ?? '');
      if (given.length !== known.length || !timingSafeEqual(given, known)) {
        answerJson(response, 401, { error: 'Give METRICS_TOKEN as a bearer token.' });
        return;
      }
      const { contentType, text } = await doors.metricsText();
      response.status(200).set('Content-Type', contentType).send(text);
    },
  });
  return routes;
}
