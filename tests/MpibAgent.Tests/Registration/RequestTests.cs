using CsCheck;
using MpibAgent.Interface;
using MpibAgent.Registration;

namespace MpibAgent.Tests.Registration;

public sealed class RequestTests
{
    private const string Register = "5249504D1C000100DDCCBBAA0A0001020A0001031400010214000103";
    private const string Deregister = "5249504D0C000200DDCCBBAA";

    [Fact]
    public void A_register_request_is_read_field_by_field()
    {
        Assert.Equal(RequestState.Complete, Request.Read(Convert.FromHexString(Register), out var request));
        Assert.Equal(
            new Request(MessageType.Register, 28, 0xAABBCCDD, Ipv4Address.Parse("10.0.1.2"), Ipv4Address.Parse("10.0.1.3"),
                Ipv4Address.Parse("20.0.1.2"), Ipv4Address.Parse("20.0.1.3")),
            request);
    }

    [Fact]
    public void A_deregister_request_is_read_field_by_field()
    {
        Assert.Equal(RequestState.Complete, Request.Read(Convert.FromHexString(Deregister), out var request));
        Assert.Equal(new Request(MessageType.Deregister, 12, 0xAABBCCDD), request);
    }

    [Theory]
    [InlineData(Register)]
    [InlineData(Deregister)]
    public void Every_truncation_waits_for_more(string hex)
    {
        var bytes = Convert.FromHexString(hex);
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Equal(RequestState.Incomplete, Request.Read(bytes.AsSpan(0, length), out _));
        }

        Assert.Equal(RequestState.Complete, Request.Read(bytes, out _));
    }

    [Fact]
    public void The_reserved_byte_is_not_looked_at()
    {
        var bytes = Convert.FromHexString(Register);
        bytes[7] = 0xFF;
        Assert.Equal(RequestState.Complete, Request.Read(bytes, out _));
    }

    [Fact]
    public void What_follows_a_request_is_left_for_the_next_one()
    {
        Assert.Equal(RequestState.Complete, Request.Read(Convert.FromHexString(Deregister + Register), out var request));
        Assert.Equal((MessageType.Deregister, 12), (request.Type, request.Length));
    }

    [Theory]
    [InlineData("00000000", RequestState.BadMagic, "expected magic 4d504952, got 00000000")]
    [InlineData("4D504952", RequestState.BadMagic, "expected magic 4d504952, got 5249504d")]
    [InlineData("5249504D1B000100", RequestState.Invalid, "type 1: expected msg_len 28, got 27")]
    [InlineData("5249504D0C000100", RequestState.Invalid, "type 1: expected msg_len 28, got 12")]
    [InlineData("5249504D1C000200", RequestState.Invalid, "type 2: expected msg_len 12, got 28")]
    [InlineData("5249504DFFFF0200", RequestState.Invalid, "type 2: expected msg_len 12, got 65535")]
    [InlineData("5249504D00000100", RequestState.Invalid, "type 1: expected msg_len 28, got 0")]
    [InlineData("5249504D1C000000", RequestState.Invalid, "expected type 1 or 2, got 0")]
    [InlineData("5249504D10008000", RequestState.Invalid, "expected type 1 or 2, got 128")]
    [InlineData("5249504D00000000", RequestState.Invalid, "expected type 1 or 2, got 0")]
    [InlineData("5249504D00000900", RequestState.Invalid, "expected type 1 or 2, got 9")]
    public void A_faulty_header_is_refused_with_what_was_expected(string hex, object state, string reason)
    {
        Assert.Equal(state, Request.Read(Convert.FromHexString(hex), out _));
        Assert.Equal(reason, Request.Explain(Convert.FromHexString(hex)));
    }

    [Theory]
    [InlineData("5249", "cut short: 2 bytes of a header of 8")]
    [InlineData("5249504D1C", "cut short: 5 bytes of a header of 8")]
    [InlineData("5249504D1C000100DD", "cut short: 9 bytes of 28")]
    public void A_message_cut_short_is_told_by_its_length(string hex, string reason) =>
        Assert.Equal(reason, Request.Explain(Convert.FromHexString(hex)));

    [Fact]
    public void Any_bytes_are_read_or_refused_and_explained_without_a_crash() => Gen.Byte.Array[0, 64].Sample(bytes =>
    {
        var state = Request.Read(bytes, out var request);
        Assert.NotEmpty(Request.Explain(bytes));
        _ = Request.WantsDeregisterResponse(bytes);
        Assert.True(state == RequestState.Complete ? request.Length <= bytes.Length : request == default);
    }, iter: Fuzz.Iterations);

    [Fact]
    public void Of_all_lengths_and_types_two_pairs_are_requests()
    {
        var bytes = Convert.FromHexString(Register);
        var good = new List<int>();
        for (var pair = 0; pair < 1 << 24; pair++)
        {
            (bytes[4], bytes[5], bytes[6]) = ((byte)pair, (byte)(pair >> 8), (byte)(pair >> 16));
            if (Request.Read(bytes, out _) != RequestState.Invalid)
            {
                good.Add(pair);
            }
        }

        Assert.Equal([0x01001C, 0x02000C], good);
    }

    [Fact]
    public void Any_change_of_a_good_request_is_read_or_refused_without_a_crash() =>
        Gen.Select(Gen.Bool, Gen.Int[0, 27], Gen.Byte, Gen.Int[0, 40]).Sample((register, at, value, length) =>
        {
            var bytes = Convert.FromHexString((register ? Register : Deregister) + Deregister);
            bytes[at % bytes.Length] = value;
            bytes = bytes[..Math.Min(length, bytes.Length)];
            var state = Request.Read(bytes, out var request);
            Assert.NotEmpty(Request.Explain(bytes));
            Assert.True(state == RequestState.Complete ? request.Length is 12 or 28 && request.Length <= bytes.Length : request == default);
        }, iter: Fuzz.Iterations);
}
