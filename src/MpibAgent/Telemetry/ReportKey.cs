using System.Runtime.InteropServices;
using System.Security.Cryptography;
using MpibAgent.Interface;

namespace MpibAgent.Telemetry;

/// <summary>The shared key of the senders: makes and checks the MAC of a report. Its bytes leave this object for HMAC only.</summary>
internal sealed class ReportKey
{
    private const int LeastLength = 16;
    private const int LargestLength = 1024;
    private readonly byte[] _key;

    private ReportKey(byte[] key) => _key = key;

    /// <summary>Reads the key file: all its bytes are the key.</summary>
    /// <exception cref="Fault">It is not there, not secret, of a user who is not trusted, or too short; or HMAC cannot be had on this host.</exception>
    public static ReportKey Read(string path)
    {
        // Looked at before it is opened: a FIFO would wait, a device never end.
        Check(path, FileStatus.OfTarget(path)
            ?? throw CannotRead(path, Marshal.GetLastPInvokeErrorMessage()));
        try
        {
            using var handle = File.OpenHandle(path);
            Check(path, Ownership.Status((int)handle.DangerousGetHandle()));
            var bytes = new byte[LargestLength + 1];
            var length = RandomAccess.Read(handle, bytes, 0);
            if (length is < LeastLength or > LargestLength)
            {
                throw new Fault($"{path}: expected a key of {LeastLength} to {LargestLength} bytes, found {length}{(length > LargestLength ? " or more" : "")}; "
                    + $"run: head -c 32 /dev/urandom > {path}");
            }

            RequireOpenSsl();
            var key = new ReportKey(bytes[..length]);

            // The first use makes OpenSSL ready, which takes longer than a report may.
            key.Sign(stackalloc byte[CongestionReport.DatagramSize]);
            return key;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw CannotRead(path, fault.Message);
        }
    }

    /// <summary>Writes the MAC of the bytes before it into a datagram.</summary>
    public void Sign(Span<byte> datagram) => Mac(datagram, datagram[CongestionReport.SignedSize..CongestionReport.DatagramSize]);

    /// <summary>Whether a datagram's MAC was made with this key. Takes the same time wherever they differ.</summary>
    public bool Verify(ReadOnlySpan<byte> datagram)
    {
        Span<byte> expected = stackalloc byte[CongestionReport.MacSize];
        Mac(datagram, expected);
        return CryptographicOperations.FixedTimeEquals(expected, datagram[CongestionReport.SignedSize..CongestionReport.DatagramSize]);
    }

    private void Mac(ReadOnlySpan<byte> datagram, Span<byte> mac)
    {
        Span<byte> whole = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key, datagram[..CongestionReport.SignedSize], whole);
        whole[..CongestionReport.MacSize].CopyTo(mac);
    }

    /// <summary>As a rule a path that works for root, whose the file is, and not for the service.</summary>
    private static Fault CannotRead(string path, string reason) => new($"cannot read the key file {path}: {reason}; "
        + $"let the unit pass it on (LoadCredential=, see operations.md, Telemetry), or {Ownership.UserName(Ownership.CurrentUser)} read it and enter the directories on its way");

    private static void Check(string path, FileStatus found)
    {
        if (found.Type != UnixFileType.Regular)
        {
            throw new Fault($"{path}: expected a regular file that holds a key");
        }

        if (found.Owner != 0 && !Ownership.IsTrusted(found.Owner))
        {
            throw new Fault($"{path}: belongs to {Ownership.UserName(found.Owner)}, not to root or {Ownership.UserName(Ownership.CurrentUser)}, so it is no secret");
        }

        // Its group may read it: a credential of systemd's looks so, and root:mpib 0640 is a good choice.
        if ((found.Mode & (UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.GroupWrite)) != 0)
        {
            throw new Fault($"{path}: others can read or write it (mode {Ownership.Octal(found.Mode)}), so it is no secret; run: chmod 0640 {path}, and choose another key");
        }
    }

    // The runtime ends the process when it looks for OpenSSL in vain.
    private static void RequireOpenSsl()
    {
        if (!NativeLibrary.TryLoad("libssl.so.3", out _) && !NativeLibrary.TryLoad("libssl.so.1.1", out _))
        {
            throw new Fault("a KeyFile needs OpenSSL, and there is no libssl.so.3 or libssl.so.1.1 here; install it (apt-get install libssl3), or unset KeyFile");
        }
    }
}
