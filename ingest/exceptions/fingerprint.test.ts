import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readKind } from '../../schemas/exception-kind.ts'
import { exceptionKind, FINGERPRINT_VERSION } from './fingerprint.ts'
import { normaliseMessage } from './message.ts'
import { parseStack } from './stack.ts'

interface Case {
  readonly type: string
  readonly message: string
  readonly stack: string
  readonly culprit: string
  /** Changes to the stack that leave the exception what it was. */
  readonly same: readonly (readonly [from: string | RegExp, to: string])[]
  /** Changes that make it another. */
  readonly other: readonly (readonly [from: string | RegExp, to: string])[]
}

const CASES: Readonly<Record<string, Case>> = {
  'Node.js': {
    type: 'TypeError',
    message: "Cannot read properties of undefined (reading 'price')",
    stack: `TypeError: Cannot read properties of undefined (reading 'price')
    at priceCart (/srv/releases/20261120/shop/price-cart.js:41:17)
    at Array.map (<anonymous>)
    at async Checkout.submit [as handler] (file:///srv/releases/20261120/shop/checkout.js:12:5)
    at Layer.handle [as handle_request] (/srv/app/node_modules/express/lib/router/layer.js:95:5)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)`,
    culprit: 'priceCart (shop/price-cart.js)',
    same: [
      [':41:17', ':63:9'],
      [/20261120/g, '20261124'],
      ['layer.js:95', 'layer.js:99'],
      [/.*express.*\n/, ''],
    ],
    other: [
      ['priceCart', 'priceGift'],
      ['price-cart.js', 'price-gift.js'],
      ['Checkout.submit', 'Preview.show'],
    ],
  },
  'a browser, bundled': {
    type: 'TypeError',
    message: 't.items is undefined',
    stack: `TypeError: t.items is undefined
    at Te (https://shop.example/assets/index-4f9d2c1a.js:2:48213)
    at renderCart (https://shop.example/js/cart.js?v=12:88:3)
    at https://shop.example/assets/vendor.min.js:1:9923`,
    culprit: 'renderCart (js/cart.js)',
    same: [
      ['4f9d2c1a.js:2:48213', 'b81e007d.js:3:51002'],
      ['at Te', 'at qz'],
      ['?v=12:88:3', '?v=13:90:1'],
    ],
    other: [['renderCart', 'renderList']],
  },
  'Firefox, all minified': {
    type: 'TypeError',
    message: 'e is null',
    stack:
      'Te@https://shop.example/assets/index-4f9d2c1a.js:2:48213\nn/<@https://shop.example/assets/index-4f9d2c1a.js:2:1003\n',
    culprit: '',
    same: [
      [/4f9d2c1a/g, '00aa11bb'],
      ['Te@', 'Ux@'],
      [/n\/<@.*\n/, ''],
    ],
    other: [],
  },
  Java: {
    type: 'com.acme.shop.CheckoutException',
    message: 'order 4711 failed',
    stack: `com.acme.shop.CheckoutException: order 4711 failed
\tat com.acme.shop.Checkout.submit(Checkout.java:88)
\tat com.acme.shop.Checkout$$SpringCGLIB$$0.submit(<generated>)
\tat java.base/java.lang.reflect.Method.invoke(Method.java:580)
\tat org.springframework.web.servlet.FrameworkServlet.service(FrameworkServlet.java:885)
\tSuppressed: java.io.IOException: closed
\t\tat com.acme.shop.Audit.close(Audit.java:9)
Caused by: java.sql.SQLTransientException: pool is empty
\tat com.zaxxer.hikari.pool.HikariPool.getConnection(HikariPool.java:181)
\tat app//com.acme.shop.db.Orders.lambda$insert$3(Orders.java:41)
\tat com.acme.shop.Checkout.submit(Checkout.java:85)
\t... 12 more`,
    culprit: 'com.acme.shop.db.Orders.insert',
    same: [
      ['Orders.java:41', 'Orders.java:57'],
      ['lambda$insert$3', 'lambda$insert$5'],
      ['HikariPool.java:181', 'HikariPool.java:190'],
      [/\t\.\.\. 12 more/, '\t... 19 more'],
      ['Audit.close', 'Audit.end'],
    ],
    other: [
      ['Orders.lambda$insert$3', 'Orders.lambda$delete$3'],
      ['SQLTransientException', 'SQLTimeoutException'],
    ],
  },
  Python: {
    type: 'shop.errors.CheckoutError',
    message: 'could not charge card',
    stack: `Traceback (most recent call last):
  File "/app/shop/payments.py", line 31, in charge
    return client.post("/charge", amount)
           ~~~~~~~~~~~^^^^^^^^^^^^^^^^^^^
  File "/usr/lib/python3.12/site-packages/httpx/_client.py", line 1157, in post
    raise ConnectTimeout(message)
httpx.ConnectTimeout: timed out

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/shop/views.py", line 77, in checkout
    charge(cart)
  File "/app/shop/payments.py", line 33, in charge
    raise CheckoutError("could not charge card") from error
shop.errors.CheckoutError: could not charge card
`,
    culprit: 'charge (shop/payments.py)',
    same: [
      ['line 31', 'line 36'],
      ['line 1157', 'line 1201'],
      ['python3.12', 'python3.13'],
      ['in checkout', 'in checkout_v2'],
    ],
    other: [
      ['line 31, in charge', 'line 31, in refund'],
      ['httpx.ConnectTimeout', 'httpx.ReadTimeout'],
    ],
  },
  'Python, while another was handled': {
    type: 'KeyError',
    message: "'total'",
    stack: `Traceback (most recent call last):
  File "/app/shop/cache.py", line 9, in load
    raise ValueError(key)
ValueError: 17

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/shop/totals.py", line 12, in total
    return cart["total"]
KeyError: 'total'`,
    culprit: 'total (shop/totals.py)',
    same: [
      ['ValueError: 17', 'OSError: 5'],
      ['in load', 'in read'],
    ],
    other: [['in total', 'in sum_up']],
  },
  Go: {
    type: 'runtime.boundsError',
    message: 'index out of range [5] with length 3',
    stack: `goroutine 51 [running]:
runtime/debug.Stack()
\t/usr/local/go/src/runtime/debug/stack.go:26 +0x5e
main.recoverer.func1()
\t/src/shop/main.go:20 +0x46
panic({0x6a3c40?, 0xc0000b6018?})
\t/usr/local/go/src/runtime/panic.go:785 +0x132
github.com/acme/shop/cart.(*Cart).Price(0xc0000b4000, {0x1, 0x2})
\t/src/shop/cart/price.go:44 +0x1d
github.com/acme/shop/cart.Checkout.func2({0xc0001, 0x5})
\t/src/shop/cart/checkout.go:91 +0x8a
net/http.HandlerFunc.ServeHTTP(0xc0000ac0c0?)
\t/usr/local/go/src/net/http/server.go:2220 +0x29
created by net/http.(*Server).Serve in goroutine 1
\t/usr/local/go/src/net/http/server.go:3360 +0x485

goroutine 1 [IO wait]:
main.main()
\t/src/shop/main.go:60 +0x12`,
    culprit: 'github.com/acme/shop/cart.(*Cart).Price (cart/price.go)',
    same: [
      ['goroutine 51', 'goroutine 7'],
      ['price.go:44 +0x1d', 'price.go:51 +0x2f'],
      ['0xc0000b4000', '0xc0000f0000'],
      ['Checkout.func2', 'Checkout.func3'],
      ['main.recoverer', 'main.guard'],
    ],
    other: [['(*Cart).Price', '(*Cart).Weight']],
  },
  '.NET': {
    type: 'System.InvalidOperationException',
    message: 'Order 17 is broken',
    stack: `System.InvalidOperationException: Order 17 is broken
 ---> System.TimeoutException: The operation has timed out.
   at Npgsql.Internal.NpgsqlConnector.Open(TimeSpan timeout)
   at Acme.Shop.Orders.<LoadAsync>d__12.MoveNext() in /src/Shop/Orders.cs:line 41
   --- End of inner exception stack trace ---
   at Acme.Shop.Checkout.Submit(Cart cart, Int32 id) in /src/Shop/Checkout.cs:line 12
   at Microsoft.AspNetCore.Routing.EndpointMiddleware.Invoke(HttpContext httpContext)`,
    culprit: 'Acme.Shop.Orders.LoadAsync',
    same: [
      ['line 41', 'line 77'],
      ['d__12', 'd__14'],
      ['/src/Shop/Checkout.cs', '/build/Shop/Checkout.cs'],
      ['TimeSpan timeout', 'TimeSpan timeout, Boolean async'],
    ],
    other: [
      ['<LoadAsync>', '<SaveAsync>'],
      ['System.TimeoutException', 'System.IO.IOException'],
    ],
  },
  Ruby: {
    type: 'ActiveRecord::RecordNotFound',
    message: "Couldn't find Order with 'id'=99",
    stack: `/app/vendor/bundle/ruby/3.3.0/gems/activerecord-7.1.2/lib/active_record/core.rb:253:in \`find': Couldn't find Order with 'id'=99 (ActiveRecord::RecordNotFound)
\tfrom /app/app/models/order.rb:12:in \`load_all'
\tfrom /app/app/controllers/orders_controller.rb:8:in \`block (2 levels) in show'
\tfrom /usr/lib/ruby/3.3.0/monitor.rb:202:in \`synchronize'`,
    culprit: 'load_all (models/order.rb)',
    same: [
      ['order.rb:12', 'order.rb:31'],
      ['activerecord-7.1.2', 'activerecord-7.2.0'],
      ['block (2 levels) in', 'block in'],
    ],
    other: [['load_all', 'load_one']],
  },
  PHP: {
    type: 'App\\CheckoutException',
    message: 'no stock for item 5',
    stack: `PDOException: SQLSTATE[HY000] in /var/www/shop/src/Stock.php:18
Stack trace:
#0 /var/www/shop/src/Stock.php(18): PDO->query('SELECT ...')
#1 /var/www/shop/src/Checkout.php(40): App\\Stock->take(Object(App\\Item))
#2 {main}

Next App\\CheckoutException: no stock for item 5 in /var/www/shop/src/Checkout.php:44
Stack trace:
#0 /var/www/shop/vendor/symfony/http-kernel/HttpKernel.php(181): App\\Checkout->submit(Object(Request))
#1 /var/www/shop/public/index.php(9): Symfony\\Component\\HttpKernel\\HttpKernel->handle(Object(Request))
#2 {main}`,
    culprit: 'PDO->query (src/Stock.php)',
    same: [
      [/Stock\.php\(18\)/, 'Stock.php(21)'],
      ['HttpKernel.php(181)', 'HttpKernel.php(190)'],
      ["PDO->query('SELECT ...')", "PDO->query('DELETE ...')"],
    ],
    other: [
      ['Stock->take', 'Stock->release'],
      ['PDOException', 'RedisException'],
    ],
  },
  "PHP by OpenTelemetry's SDK": {
    type: 'RuntimeException',
    message: 'broken',
    stack: `RuntimeException: broken
 at App.Cart.total(Cart.php:42)
 at Symfony.Component.HttpKernel.HttpKernel.handle(HttpKernel.php:76)
 at {main}(index.php:9)`,
    culprit: 'App.Cart.total (Cart.php)',
    same: [['Cart.php:42', 'Cart.php:49']],
    other: [['Cart.total', 'Cart.tax']],
  },
}

/** Forms that compilers, run times and bundlers of some versions give to names. */
const FORMS: Readonly<Record<string, Case>> = {
  '.NET, what the compiler makes of lambdas and local functions': {
    type: 'System.AggregateException',
    message: 'One or more errors occurred. (Card 4 declined)',
    stack: `System.AggregateException: One or more errors occurred. (Card 4 declined)
 ---> Acme.Pay.CardDeclinedException: Card 4 declined
   at Acme.Pay.Gateway.<>c__DisplayClass7_0.<<ChargeAsync>b__0>d.MoveNext() in /src/Pay/Gateway.cs:line 31
--- End of stack trace from previous location ---
   at Acme.Pay.Gateway.<RetryAsync>g__Attempt|7_1[T](Func\`1 call) in /src/Pay/Gateway.cs:line 44
   --- End of inner exception stack trace ---
   at System.Threading.Tasks.Task.ThrowIfExceptional(Boolean includeTaskCanceledExceptions)`,
    culprit: 'Acme.Pay.Gateway.ChargeAsync',
    same: [
      ['DisplayClass7_0', 'DisplayClass9_2'],
      ['b__0', 'b__3'],
      ['|7_1[T]', '|8_0[TResult]'],
      [/.*ThrowIfExceptional.*/, ''],
    ],
    other: [
      ['<RetryAsync>', '<OnceAsync>'],
      ['Acme.Pay.CardDeclinedException', 'Acme.Pay.CardExpiredException'],
    ],
  },
  'Ruby 3.4, with classes in names and a cause': {
    type: 'CheckoutError',
    message: 'order 99 cannot be paid',
    stack: `/app/app/services/checkout.rb:21:in 'Checkout#pay': order 99 cannot be paid (CheckoutError)
\tfrom /app/app/controllers/orders_controller.rb:8:in 'block in OrdersController#create'
\tfrom /usr/local/lib/ruby/3.4.0/monitor.rb:201:in 'Monitor#synchronize'
/usr/local/bundle/gems/pg-1.5.9/lib/pg/connection.rb:17:in 'PG::Connection#exec': connection lost (PG::ConnectionBad)
\tfrom /app/app/models/order.rb:12:in 'Order.load'
\tfrom /app/app/services/checkout.rb:19:in 'Checkout#pay'`,
    culprit: 'Order.load (models/order.rb)',
    same: [
      ['order.rb:12', 'order.rb:40'],
      ['pg-1.5.9', 'pg-1.6.0'],
      ['/app/app/models', '/srv/20261126/app/models'],
    ],
    other: [
      ['Order.load', 'Order.lock'],
      ['PG::ConnectionBad', 'PG::UnableToSend'],
    ],
  },
  'PHP 8.4, with closures': {
    type: 'TypeError',
    message: 'App\\Price::of(): Argument #1 must be of type int, null given',
    stack: `TypeError: App\\Price::of(): Argument #1 must be of type int, null given in /var/www/releases/41/src/Price.php:9
Stack trace:
#0 /var/www/releases/41/src/Cart.php(33): App\\Price::of(NULL)
#1 [internal function]: App\\Cart->{closure:App\\Cart::total():32}(Object(App\\Item))
#2 /var/www/releases/41/src/Cart.php(32): array_map(Object(Closure), Array)
#3 {main}`,
    culprit: 'App\\Price::of (src/Price.php)',
    same: [
      [/releases\/41/g, 'releases/42'],
      ['total():32}', 'total():51}'],
      ['Cart.php(33)', 'Cart.php(52)'],
    ],
    other: [['App\\Price::of(NULL)', 'App\\Price::net(NULL)']],
  },
  'Java, obfuscated beside names that are kept': {
    type: 'java.lang.IllegalStateException',
    message: 'no cart',
    stack: `java.lang.IllegalStateException: no cart
\tat a.b.c.d(Unknown Source:12)
\tat com.acme.shop.CartActivity.onCreate(SourceFile:88)
\tat android.app.Activity.performCreate(Activity.java:8000)`,
    culprit: 'com.acme.shop.CartActivity.onCreate',
    same: [
      ['a.b.c.d(Unknown Source:12)', 'q.a.z.b(Unknown Source:7)'],
      ['SourceFile:88', 'SourceFile:93'],
    ],
    other: [['onCreate', 'onResume']],
  },
  'Safari, a bundle in chunks': {
    type: 'TypeError',
    message: "undefined is not an object (evaluating 'e.total')",
    stack: `a@https://shop.example/_next/static/chunks/7023-1d9b2a6c0f3e4b5a.js:1:20931
o@https://shop.example/_next/static/chunks/main-app-9c1e77d0aa.js:1:5120
[native code]`,
    culprit: '',
    same: [
      ['7023-1d9b2a6c0f3e4b5a', '8110-c0ffee00d15ea5e5'],
      ['a@', 'rt@'],
      ['js:1:20931', 'js:1:33120'],
    ],
    other: [],
  },
}

const changed = (text: string, [from, to]: readonly [string | RegExp, string]): string => {
  const result = text.replace(from, () => to)
  expect(result, String(from)).not.toBe(text)
  return result
}

describe.each(Object.entries({ ...CASES, ...FORMS }))('an exception of %s', (_, one) => {
  const kind = exceptionKind(one)

  it('is named by its culprit', () => {
    expect(kind.split(' · ').slice(1, -1).join()).toBe(one.culprit)
    expect(readKind(kind)).toMatchObject({ version: FINGERPRINT_VERSION, type: one.type })
  })

  it('stays the same when only lines, builds, paths of releases or libraries change', () => {
    for (const change of one.same)
      expect(exceptionKind({ ...one, stack: changed(one.stack, change) }), String(change)).toBe(kind)
    const numbers = one.message.replace(/\d+/g, (digits) => String(Number(digits) + 13))
    expect(exceptionKind({ ...one, message: numbers })).toBe(kind)
  })

  it('is another when it comes from elsewhere, or says or is something else', () => {
    for (const change of one.other)
      expect(exceptionKind({ ...one, stack: changed(one.stack, change) }), String(change)).not.toBe(kind)
    expect(exceptionKind({ ...one, message: 'something else' })).not.toBe(kind)
    expect(exceptionKind({ ...one, type: 'Other' })).not.toBe(kind)
  })

  it('tells type and message by its stack where the attributes are missing', () => {
    const told = readKind(exceptionKind({ type: '', message: '', stack: one.stack })).title
    expect(told.length).toBeGreaterThan(0)
  })
})

describe('kinds', () => {
  it('of Rust and of what is not known go by type and message', () => {
    const rust = {
      type: 'PoolError',
      message: 'timed out after 30 s',
      stack: '   0: std::panicking\n   1: shop::main\n',
    }
    expect(exceptionKind(rust)).toMatch(/^PoolError: timed out after # s · 1-[0-9a-f]{10}$/)
    expect(exceptionKind({ ...rust, stack: 'another\ntext' })).toBe(exceptionKind(rust))
    expect(exceptionKind({ type: '', message: '', stack: '' })).toBe('')
  })

  it("pass over what the user's settings call a library", () => {
    const node = CASES['Node.js'] as Case
    const kind = exceptionKind(node, { libraries: ['shop/price-cart'] })
    expect(kind).toContain(' · Checkout.submit (shop/checkout.js) · ')
  })

  it('count a function that calls itself once', () => {
    const deep = (depth: number) =>
      exceptionKind({
        type: 'RangeError',
        message: 'too deep',
        stack: `RangeError: too deep\n${'    at walk (/app/tree/walk.js:3:9)\n'.repeat(depth)}    at main (/app/tree/main.js:9:1)`,
      })
    expect(deep(3)).toBe(deep(50))
  })
})

describe('messages', () => {
  it.each([
    ['user 17 has 3 items', 'user # has # items'],
    ["can't find user 'bob' in \"eu\"", "can't find user # in #"],
    ['GET https://api.example/v1?k=2 failed', 'GET # failed'],
    ['no mailbox ann.b+c@mail.example.org', 'no mailbox #'],
    ['open /var/lib/shop/9.db: denied', 'open #: denied'],
    ['open C:\\data\\shop.db failed', 'open # failed'],
    ['order 6f1c0d2e-8a0b-4c59-9f7e-0c5c2f0d9a11 and 0xdeadbeef and 4f9d2c1ab8', 'order # and # and #'],
    ['took 1.5e3 ms at 10:11:12', 'took #e# ms at #'],
    ['deadbeef', 'deadbeef'],
    ['two\n  lines', 'two lines'],
  ])('%j becomes %j', (message, expected) => {
    expect(normaliseMessage(message)).toBe(expected)
  })
})

describe('whatever comes in', () => {
  const words = [
    'at ',
    '(',
    ')',
    ':1',
    ':1:1',
    '.go:1',
    '.php:1',
    'File "',
    '", line 1',
    ', in ',
    "'",
    '`',
    '"',
    '@',
    '/',
    '\\',
    '#0 ',
    ' ---> ',
    'Caused by: ',
    'Traceback (most recent call last):',
    'goroutine ',
    'a',
    'A.',
    '$',
    '<',
    '>',
    '[',
    ']',
    '\n',
    '\n    ',
    '\t',
    '0x1',
    '-',
    '_',
    ' ',
    ':in `',
    ' · ',
    '://',
    'eyJ',
    '·',
  ]
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(fc.constantFrom(...words), { maxLength: 300 }).map((parts) => parts.join('')),
  )

  it('gets one kind, the same each time, on one line and of bounded length', () => {
    fc.assert(
      fc.property(text, text, text, (type, message, stack) => {
        const kind = exceptionKind({ type, message, stack })
        expect(exceptionKind({ type, message, stack })).toBe(kind)
        expect(kind).not.toMatch(/[\r\n\t]/)
        expect(kind.length).toBeLessThan(450)
        if (kind !== '') expect(readKind(kind).version).toBe(FINGERPRINT_VERSION)
      }),
      { numRuns: 2000 },
    )
  })

  it('takes time in proportion to its length: eight times the text, not sixty-four times the time', () => {
    const repeated = [
      ...words,
      'a@a',
      "'a",
      'a.',
      '/a',
      '\\a',
      '(:1',
      'at (',
      'at a(',
      '1',
      'f',
      'a-',
      ':1:in ',
      '.a',
      'x in ',
      '$$Lambda',
      '<a',
      '[[',
    ]
    const seconds = (unit: string, length: number): number => {
      const part = unit.repeat(Math.ceil(length / unit.length))
      const begun = process.cpuUsage()
      for (const stack of [
        part,
        `    at a (/b/c.js:1:1)\n${part}`,
        `x\n\tat a.B.c(B.java:1)\n${part}`,
        `File "a", line 1, in b\n${part}`,
      ])
        exceptionKind({ type: part, message: part, stack })
      const spent = process.cpuUsage(begun)
      return (spent.user + spent.system) / 1e6
    }
    for (const unit of repeated) {
      // Some milliseconds are noise; what is exponential or cubic takes minutes.
      expect(seconds(unit, 32_000), JSON.stringify(unit)).toBeLessThan(0.5 + 24 * seconds(unit, 4_000))
    }
  })

  it('is read no matter how its lines are cut', () => {
    for (const { stack } of Object.values({ ...CASES, ...FORMS }))
      for (let end = 0; end < stack.length; end += 7)
        expect(Array.isArray(parseStack(stack.slice(0, end)))).toBe(true)
  })
})
