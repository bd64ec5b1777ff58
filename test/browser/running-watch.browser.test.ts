import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openRunningWatch, type RunningWatch } from './running-watch.ts'

describe('the page of a watch that runs', () => {
  let watch: RunningWatch
  let browser: Browser

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
    watch = await openRunningWatch()
  })
  afterAll(async () => {
    await browser?.close()
    await watch?.close()
  })

  async function open(width: number, colorScheme: 'light' | 'dark'): Promise<Page> {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme })
    const page = await context.newPage()
    await page.goto(watch.api.url + watch.path)
    return page
  }

  it('says what is worse, whose it is, on what evidence, and who was told with which answer', async () => {
    const page = await open(1280, 'light')
    const text = await page.locator('main').textContent()
    expect(text).toMatch(/POST \/pay fails [\d.]+× more often/)
    expect(text).toContain('Nothing else is known to have changed.')
    expect(text).toMatch(/slack:payments firing: taken, .* 200/)
    expect(text).toMatch(/webhook:archive firing: waits, .*ECONNREFUSED/)
    const timeline = page.locator('ol.sent li')
    const incident = timeline.filter({ hasText: 'incident' })
    await incident.locator('summary').click()
    expect(await incident.locator('details li').first().textContent()).toMatch(
      /Failed requests.*: .* → .*, n [\d,]+, evidence [\d.]+ of [\d.]+/,
    )
  })

  it('fits a phone and a wide screen in both schemes, opened details and all', async () => {
    for (const width of [360, 1440]) {
      for (const scheme of ['light', 'dark'] as const) {
        const page = await open(width, scheme)
        await page.evaluate('for (const details of document.querySelectorAll("details")) details.open = true')
        const [scroll, inner] = await page.evaluate<[number, number]>(
          '[document.documentElement.scrollWidth, innerWidth]',
        )
        expect(scroll, `${width} px, ${scheme}`).toBeLessThanOrEqual(inner)
        await page.context().close()
      }
    }
  })

  it('renews itself when the monitor has looked again, by the stream and not by the clock', async () => {
    const page = await open(1280, 'light')
    const requests = async () => await page.locator('.facts', { hasText: 'Traffic on it' }).textContent()
    const before = await requests()
    await watch.goOn()
    // The turns of the clock come every 30 s.
    await expect.poll(requests, { timeout: 20_000 }).not.toBe(before)
  })

  it('takes a mark without a mouse', async () => {
    const page = await open(1280, 'dark')
    const form = page.locator('section[aria-labelledby="marks"] form')
    await form.locator('select[name="mark"]').focus()
    await page.keyboard.press('T')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.type('ana')
    await page.keyboard.press('Tab')
    await page.keyboard.type('cards were refused')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.waitForURL('**#marks')
    expect(await page.locator('section[aria-labelledby="marks"] li').textContent()).toContain(
      'True, says ana: cards were refused',
    )
  })
})
