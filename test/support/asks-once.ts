import type { ConnectOptions } from '../../src/client/index.ts'

/**
 * For clients whose sessions a test counts: they ask once, however slow the machine is. By default a client asks again after a tenth of
 * a second, and a copy of an `open` that arrives after the first one was executed opens another session, which lapses.
 */
export const asksOnce: ConnectOptions = { timing: { askIntervalMs: 20_000, failoverTimeoutMs: 20_000 } }
