import { afterEach, expect, test, vi } from 'vitest'
import { freePorts } from './free-ports.ts'

afterEach(() => vi.restoreAllMocks())

test('a port is given once, although nothing listens on it yet', async () => {
  const draw = vi.spyOn(Math, 'random').mockReturnValue(0.123)
  const first = await freePorts(3)
  draw.mockReturnValueOnce(0.123).mockReturnValue(0.567)
  expect(await freePorts(2)).toBeGreaterThan(first + 3)
})
