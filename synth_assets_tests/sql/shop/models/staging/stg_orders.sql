with source as (
    select * from {{ ref('raw_orders') }}
),

renamed as (
    select
        order_id,
        customer_id,
        ordered_on,
        state as order_state
    from source
)

select * from renamed
where ordered_on >= cast('{{ var("first_day") }}' as date)
