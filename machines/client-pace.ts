/** When a client asks again, and when it asks another server. Pure functions of its context. */
import type { ClientContext } from './client-context.ts'
import { grownWindow } from './client-window.ts'
import { drawRandom } from './random.ts'
import { timeoutMs, withoutSample, withSample } from './round-trip.ts'
import { type Due, nextReaskMs, type OpenRequest } from './session-requests.ts'
import { doubled } from './timing.ts'

/** The timeout that follows from the measured round trips. */
function measuredTimeoutMs({ timing, roundTrip }: ClientContext): number {
  const { askIntervalMs, minAskIntervalMs, failoverTimeoutMs } = timing
  return timeoutMs(roundTrip, {
    initialMs: askIntervalMs,
    minMs: Math.min(minAskIntervalMs, askIntervalMs),
    maxMs: failoverTimeoutMs,
  })
}

/** How long a server may be silent. */
export function failoverTimeoutMs(context: ClientContext): number {
  const { minFailoverMs, failoverTimeoutMs: limitMs } = context.timing
  return doubled(Math.max(minFailoverMs, 10 * measuredTimeoutMs(context)), limitMs, context.failures)
}

/** The silent intervals after which the next ones become longer. Fewer may be chance. */
const evenTries = 2

/** The next interval of a client that asks: longer after silent ones, and drawn at random, so that clients do not ask together. */
export function drawAskInterval(context: ClientContext): Pick<ClientContext, 'randomSeed' | 'intervalMs'> {
  const timeout = measuredTimeoutMs(context)
  const longestMs = Math.max(timeout, Math.min(3 * timeout, failoverTimeoutMs(context) / 8))
  const { seed, value } = drawRandom(context.randomSeed)
  return {
    randomSeed: seed,
    intervalMs: Math.ceil(
      doubled(timeout, longestMs, Math.max(0, context.tries - evenTries)) * (1 + value / 8),
    ),
  }
}

/** The interval until the first held request is to be asked for again. */
export function reaskIntervalMs({ requests, nowMs }: ClientContext): number {
  return Math.max(1, nextReaskMs(requests) - nowMs)
}

/** When the server is to be asked again for requests that it has just confirmed to hold: later when many requests wait there. */
export function reaskAtMs(
  { timing, nowMs }: ClientContext,
  { atMs, askAgainMs = 0 }: { readonly atMs: number; readonly askAgainMs?: number },
): number {
  return Math.max(nowMs, atMs) + Math.max(timing.reaskIntervalMs, askAgainMs)
}

/** The time at the end of the present interval. */
export function nowAtEnd({ nowMs, beganMs, intervalMs }: ClientContext): number {
  return Math.max(nowMs, beganMs + intervalMs)
}

/** What is due now, or at another time. A server is asked for a held request until `waitTimeoutMs` has passed. */
export function dueOf({ timing, round, nowMs }: ClientContext, atMs = nowMs): Due {
  const { reaskIntervalMs, waitTimeoutMs } = timing
  return { round, nowMs: atMs, reaskIntervalMs, mostReasks: Math.ceil(waitTimeoutMs / reaskIntervalMs) - 1 }
}

/**
 * The changes after `server` answered or confirmed `requests`, which are as they were asked. Only an answer of the asked server ends
 * its silence: another one may answer late.
 */
export function paceAfterAnswer(
  context: ClientContext,
  { server, atMs }: { readonly server: number; readonly atMs: number },
  requests: readonly OpenRequest[],
): Partial<ClientContext> {
  const isFromAsked = server === context.server
  return {
    nowMs: Math.max(context.nowMs, atMs),
    window: grownWindow(context.window, requests.length),
    turnedAway: 0,
    refusals: 0,
    ...(isFromAsked && { wasAnswered: true, silentMs: 0, tries: 0, failures: 0, avoid: null }),
    ...measurement(context, atMs, requests),
  }
}

/**
 * One sample, that of the request asked last. Answers to repeated requests yield none, and the interval grows until a later request
 * is answered before its repetition.
 */
function measurement(
  { roundTrip, timing }: ClientContext,
  atMs: number,
  requests: readonly OpenRequest[],
): Partial<ClientContext> {
  let last: number | null = null
  let isAmbiguous = false
  for (const { askedAtMs, reaskAtMs } of requests) {
    if (askedAtMs !== null) last = Math.max(askedAtMs, last ?? askedAtMs)
    else if (reaskAtMs === null) isAmbiguous = true
  }
  if (last !== null) return { roundTrip: withSample(roundTrip, atMs - last) }
  return isAmbiguous ? { roundTrip: withoutSample(roundTrip, timing.askIntervalMs) } : {}
}
