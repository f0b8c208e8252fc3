/**
 * The layouts of the charts. The page's build replaces this module by its value, so that no page computes a layout. Without a
 * build, for example in tests, the layout is computed here.
 */
import { layOutCharts } from './layout.ts'

export const charts = await layOutCharts()
