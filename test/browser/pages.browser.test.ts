import { pino } from 'pino'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAuthenticator, startApi } from '../../api/server.ts'
import { openShop, type Shop } from './shop.ts'

const BAD = '/releases/checkout/2.7.0%2F%CE%B2'
const COMPARE = '/compare?service=checkout&a=2.6.0&b=2.7.0%2F%CE%B2'
const PAGES = [
  '/',
  '/services/checkout',
  BAD,
  '/releases/cart/1.1.0',
  '/releases/cart/1.1.0/watch',
  `${BAD}/watch`,
  COMPARE,
  '/alerts',
  '/alerts/sent',
  '/alerts/preview',
  '/signals',
  '/nowhere',
]

// What runs in the page is text here: its names are the browser's, and the rest of the project has none of them.
const PAPER = 'getComputedStyle(document.documentElement).backgroundColor'

/** The solid colours of the first chart. */
const INKED = `(() => {
  const canvas = document.querySelector('.plot canvas')
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  const colours = new Set()
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) colours.add(data[i] + ',' + data[i + 1] + ',' + data[i + 2])
  return [...colours]
})()`

/** Texts whose contrast with what is behind them is under 4.5 (WCAG 2.2, 1.4.3). */
const FAINT_TEXTS = `(() => {
  const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const channels = (colour) => {
    context.clearRect(0, 0, 1, 1)
    context.fillStyle = colour
    context.fillRect(0, 0, 1, 1)
    return [...context.getImageData(0, 0, 1, 1).data]
  }
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).map((value) => {
      const share = value / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor
      if (channels(colour)[3] > 0) return colour
    }
    return 'white'
  }
  const faint = []
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '')
    if (!own || element.closest('script, noscript') !== null) continue
    const colours = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort((a, b) => b - a)
    const contrast = (colours[0] + 0.05) / (colours[1] + 0.05)
    if (contrast < 4.5) faint.push(element.tagName + ' ' + element.textContent.slice(0, 30) + ' ' + contrast.toFixed(2))
  }
  return faint
})()`

describe('pages in a browser', () => {
  let shop: Shop
  let browser: Browser
  const opened: BrowserContext[] = []

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
    shop = await openShop()
  })
  afterAll(async () => {
    await Promise.all(opened.map((context) => context.close()))
    await browser.close()
    await shop.close()
  })

  /** A page of its own, which fails the test on errors and on requests to other hosts. */
  async function open(
    path: string,
    options: Parameters<Browser['newContext']>[0] = {},
  ): Promise<{ page: Page; complaints: string[] }> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
    opened.push(context)
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('404')) complaints.push(message.text())
    })
    page.on('request', (request) => {
      if (!request.url().startsWith(shop.api.url) && /^https?:/.test(request.url())) {
        complaints.push(`asked ${request.url()}`)
      }
    })
    await page.goto(shop.api.url + path)
    return { page, complaints }
  }

  const drawn = (page: Page) => page.locator('.plot[data-drawn]')

  it.each(PAGES)('%s fits 360 px, in light and dark, without complaints', async (path) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page, complaints } = await open(path, { viewport: { width: 360, height: 740 }, colorScheme })
      await page.waitForLoadState('networkidle')
      const [scroll = 0, width] = await page.evaluate<number[]>(
        '[document.documentElement.scrollWidth, innerWidth]',
      )
      expect(scroll).toBeLessThanOrEqual(width ?? 0)
      expect(complaints).toEqual([])
      expect(await page.locator('h1').count()).toBe(1)
      expect(await page.locator('main').count()).toBe(1)
    }
  })

  it('says the verdict in words first, then draws each regression around the deployment', async () => {
    const { page, complaints } = await open(BAD)
    const verdict = await page.locator('.verdict').textContent()
    expect(verdict).toContain('Regressed')
    expect(verdict).toContain('made checkout worse')
    expect(verdict).toContain('final since')
    const findings = await page.locator('.finding').count()
    expect(findings).toBeGreaterThan(1)
    // The whole service has a row, and no chart of its own beside that of its route.
    const titles = await page.locator('.finding h3').allTextContents()
    expect(titles.filter((title) => title.startsWith('Server response time'))).toHaveLength(1)
    expect(await page.locator('section[aria-labelledby=regressed] .verdicts').textContent()).toContain(
      'Server response time',
    )
    await drawn(page)
      .nth(findings - 1)
      .waitFor()
    const inked = await page.evaluate<string[]>(INKED)
    // The lines of both versions: --line-before and --line-after.
    expect(inked).toContain('61,116,180')
    expect(inked).toContain('196,86,11')
    const headings = await page.locator('h2').allInnerTexts()
    expect(headings.slice(0, 3)).toEqual([
      'What got worse',
      'What did not change',
      'What could not be decided',
    ])
    await page.locator('.plot').first().hover()
    await expect.poll(() => page.locator('.readout').first().textContent()).toMatch(/UTC: 2\.[67]\.0/)
    expect(complaints).toEqual([])
  })

  it('draws in the colours of the scheme', async () => {
    const paper = async (colorScheme: 'light' | 'dark') => {
      const { page } = await open(BAD, { colorScheme })
      await drawn(page).first().waitFor()
      return await page.evaluate<string>(PAPER)
    }
    expect(await paper('light')).toBe('rgb(251, 251, 250)')
    expect(await paper('dark')).toBe('rgb(18, 22, 28)')
  })

  it('keeps its text readable: contrast of at least 4.5 in both schemes', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const path of [...PAGES, '/releases/checkout/2.5.0']) {
        const { page } = await open(path, { colorScheme })
        await page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
        expect(await page.evaluate<string[]>(FAINT_TEXTS), `${path} ${colorScheme}`).toEqual([])
      }
    }
  })

  it('is usable by keyboard alone', async () => {
    const { page } = await open('/')
    await page.keyboard.press('Tab')
    const skip = page.locator('.skip')
    expect(await page.evaluate<boolean>('document.activeElement.matches(".skip")')).toBe(true)
    expect(await skip.boundingBox()).toMatchObject({ x: expect.any(Number) })
    expect((await skip.boundingBox())?.x).toBeGreaterThanOrEqual(0)
    await page.keyboard.press('Enter')
    expect(await page.evaluate<string>('document.activeElement.id')).toBe('main')
    await page.keyboard.press('Tab')
    const outline = await page.evaluate<string>('getComputedStyle(document.activeElement).outlineWidth')
    expect(Number.parseFloat(outline)).toBeGreaterThanOrEqual(2)
    // An alert that fires comes first.
    const isService = 'document.activeElement.pathname === "/services/checkout"'
    for (let tabs = 0; tabs < 5 && !(await page.evaluate<boolean>(isService)); tabs++)
      await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/services/checkout')
    await page.goto(shop.api.url + BAD)
    const summary = page.locator('.chart summary').first()
    await summary.focus()
    await page.keyboard.press('Enter')
    expect(await page.locator('.chart details[open] table').count()).toBe(1)
    expect(await page.locator('.plot').first().getAttribute('aria-label')).toContain('2.7.0/β')
    expect(await page.locator('thead th:not([scope])').count()).toBe(0)
  })

  it('prints on white, charts and all, without what cannot be clicked on paper', async () => {
    const { page } = await open(BAD, { colorScheme: 'dark', viewport: { width: 1280, height: 900 } })
    await drawn(page).first().waitFor()
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
    expect(await page.evaluate<string>(PAPER)).toBe('rgb(255, 255, 255)')
    await expect
      .poll(() => page.evaluate<number>('document.querySelector(".plot .u-wrap").clientWidth'))
      .toBe(640)
    expect(await page.locator('.top nav').isVisible()).toBe(false)
    expect(await page.locator('.verdict .headline').isVisible()).toBe(true)
    const pdf = await page.pdf({ format: 'A4' })
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-')
    expect(pdf.length).toBeGreaterThan(20_000)
  })

  it('prints the charts of a service whole, and its tables as tables', async () => {
    const { page } = await open('/services/checkout', { viewport: { width: 673, height: 900 } })
    await drawn(page).first().waitFor()
    await page.emulateMedia({ media: 'print' })
    const beyond = `[...document.querySelectorAll('.grid .plot')].filter((plot) =>
      plot.querySelector('.u-wrap').clientWidth > plot.parentElement.clientWidth).length`
    expect(await drawn(page).count()).toBeGreaterThan(2)
    await expect.poll(() => page.evaluate<number>(beyond)).toBe(0)
    const display = "getComputedStyle(document.querySelector('.stack td')).display"
    expect(await page.evaluate<string>(display)).toBe('table-cell')
  })

  it('compares by levels of the statistic that changed, and says which', async () => {
    const { page } = await open(COMPARE)
    const row = page.locator('.verdicts tr', { hasText: 'POST /pay' }).first()
    const [signal, before, after, change] = await row.locator('th, td').allInnerTexts()
    expect(signal).toMatch(/POST \/pay (p50|p95|mean)$/)
    expect(Number.parseFloat(after ?? '') / Number.parseFloat(before ?? '')).toBeCloseTo(
      Number.parseFloat(change ?? ''),
      1,
    )
  })

  it('does not say that data lack where a version is the first', async () => {
    const { page } = await open('/releases/checkout/2.5.0')
    expect(await page.locator('.verdict .badge').textContent()).toContain('First version')
  })

  it('says that a provisional report renews itself, and renews it', async () => {
    const { page } = await open('/releases/cart/1.1.0')
    expect(await page.locator('.verdict').textContent()).toMatch(
      /Provisional: final at [\s\S]* renews itself every 30 s/,
    )
    await page.clock.install()
    await page.reload()
    const asked = page.waitForResponse((answer) => answer.request().resourceType() === 'fetch')
    await page.clock.runFor(31_000)
    expect((await asked).status()).toBeLessThan(400)
    expect(await page.locator('.verdict').count()).toBe(1)
  })

  it('compares two releases by a form', async () => {
    const { page } = await open('/compare?service=checkout')
    await page.getByLabel('From').selectOption('2.6.0')
    await page.getByLabel('To').selectOption('2.7.0/β')
    await page.getByRole('button', { name: 'Compare' }).click()
    await page.waitForURL('**/compare?**')
    expect(await page.locator('.verdict').textContent()).toContain('is worse in')
    expect(await page.locator('table').first().textContent()).toContain('POST /pay')
  })

  it('shows the API to read without asking another host', async () => {
    const { page, complaints } = await open('/api/docs/')
    await page.getByText('Tell of a deployment').first().waitFor()
    expect(complaints).toEqual([])
  })

  it('logs in with a key, and out again by the link that each page has', async () => {
    const { bench } = shop
    const config = { ...bench.config, auth: { required: true } }
    const authenticator = createAuthenticator({ store: bench.store, config, clock: Date.now })
    const { key } = await authenticator.keys.create('reader', ['read'])
    const writer = await authenticator.keys.create('writer', ['write'])
    const logger = pino({ level: 'silent' })
    const api = await startApi({ ...bench, config, clock: Date.now, logger, authenticator })
    try {
      const context = await browser.newContext()
      opened.push(context)
      const page = await context.newPage()
      const logIn = async (text: string) => {
        await page.getByLabel('Key').fill(text)
        await page.getByRole('button', { name: 'Log in' }).click()
      }
      const logOut = async (from: Page) => {
        await from.getByRole('navigation').getByRole('link', { name: 'Log out' }).click()
        await from.getByRole('button', { name: 'Log out' }).click()
        await from.waitForURL('**/login')
      }
      await page.goto(`${api.url}/signals`)
      expect(new URL(page.url()).pathname).toBe('/login')
      await logIn('pf_wrong')
      await page.getByRole('alert').waitFor()
      await logIn(writer.key)
      await page.waitForURL(`${api.url}/signals`)
      await page.goto(`${api.url}/alerts`)
      // Somebody with another key comes to the same browser while a form is open.
      const other = await context.newPage()
      await other.goto(`${api.url}/alerts`)
      await logOut(page)
      await logIn(key)
      await page.waitForURL(`${api.url}/`)
      await other.getByText('Acknowledge or mute').first().click()
      await other.getByLabel('Your name').first().fill('Ada')
      await other.getByRole('button', { name: 'Acknowledge' }).first().click()
      await other.getByRole('heading', { name: 'Not allowed' }).waitFor()
      await logOut(other)
      await page.goto(`${api.url}/signals`)
      expect(new URL(page.url()).pathname).toBe('/login')
      expect(await page.getByRole('link', { name: 'Log out' }).count()).toBe(0)
    } finally {
      await api.close()
    }
  })
})
