/**
 * How long an idle connection is kept open, in milliseconds: longer than those who knock keep it,
 * such as Caddy (120 s), Heroku (90 s), nginx and AWS (60 s). If it were closed before, a request
 * could be sent into its end, and one that nobody repeats would be answered with a 502.
 */
export const keepIdleMs = 130_000;
