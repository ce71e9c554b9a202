"""A definition of made-up adverts that carries every feature of fixed width."""

import forebay as fb

columns = {
    "id": fb.String(required=True),
    "at": fb.Timestamp(required=True),
    "shop": fb.String(),
    "title": fb.String(),
    "tags": fb.String(),
    "sizes": fb.Numbers(),
    "photo_bytes": fb.Bytes(image=True),
    "price": fb.Number(),
}
prices = fb.Windowed("price", key="shop", at="at", over="unbounded", ops=fb.last_k(3))

adverts = fb.Dataset(
    name="adverts",
    columns=columns,
    row_time="at",
    windows=[prices],
    features=[
        fb.Text("title", max_tokens=6, min_count=2, embed=4, indicator=True),
        fb.Text(
            "title",
            max_tokens=6,
            ngrams=(1, 2),
            weigh="tf_idf",
            top_k=50,
            oov_buckets=0,
            name="bag",
        ),
        fb.MultiHot("tags", max_values=4),
        fb.NumberList("sizes_list", "sizes", length=4, scale="z_score", indicator=True),
        fb.NumberList("sizes", "sizes", pool=["mean", "max"], scale="0_1"),
        fb.NumberList("last_prices", prices.names, scale="z_score"),
        fb.Image("photo_bytes", height=4, width=4, indicator=True),
    ],
    label=fb.Regression("price"),
    split=fb.HashSplit("id", train=60, eval=20, test=20),
    passthrough=["id"],
)
